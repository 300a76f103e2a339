// An identity provider for tests: oidc-provider at / and, as a directory of Microsoft's, at
// /<tenant>/v2.0, and what GitHub answers beside them.
// Usage: node server.mjs PORT MODULES SETTINGS. The file SETTINGS holds `clients` and `tenant`, and
// `accounts`, which are read anew at each sign-in.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [port, modules, file] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));
const settings = () => JSON.parse(readFileSync(file, 'utf8'));
const { clients, tenant } = settings();
const base = `http://localhost:${port}`;

function provider(issuer, mounted) {
  return new Provider(issuer, {
    clients,
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified', 'xms_edov'],
      profile: ['name'],
      groups: ['groups'],
    },
    scopes: ['openid', 'email', 'profile', 'groups'],
    // By the standard, claims come by userinfo; directories of Microsoft put them into the token.
    conformIdTokenClaims: !mounted,
    pkce: { methods: ['S256'], required: () => true },
    cookies: { keys: ['only for tests'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...settings().accounts[id] }),
    }),
  });
}

const plain = provider(base, false).callback();
const mount = `/${tenant}/v2.0`;
const mounted = provider(base + mount, true).callback();

// GitHub: OAuth 2 as its documentation describes it, with PKCE. Whoever comes is signed in.
const codes = new Map();

function answer(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function authorize(query, response) {
  const code = createHash('sha256').update(String(Math.random())).digest('hex');
  codes.set(code, query);
  const back = new URL(query.get('redirect_uri'));
  back.searchParams.set('code', code);
  back.searchParams.set('state', query.get('state'));
  response.writeHead(302, { Location: back.href }).end();
}

async function exchange(request, response) {
  let body = '';
  for await (const piece of request) body += piece;
  const sent = new URLSearchParams(body);
  const asked = codes.get(sent.get('code'));
  codes.delete(sent.get('code'));
  const hash = createHash('sha256').update(sent.get('code_verifier') ?? '').digest('base64url');
  const client = clients.find((one) => one.client_id === sent.get('client_id'));
  const holds = asked?.get('code_challenge') === hash
    && asked.get('code_challenge_method') === 'S256'
    && asked.get('redirect_uri') === sent.get('redirect_uri')
    && client?.client_secret === sent.get('client_secret');
  if (!holds) return answer(response, 200, { error: 'bad_verification_code' });
  return answer(response, 200, { access_token: 'gho_of_the_tests', token_type: 'bearer' });
}

function github(request, response, url) {
  const { github: person } = settings().accounts;
  if (url.pathname === '/login/oauth/authorize') return authorize(url.searchParams, response);
  if (url.pathname === '/login/oauth/access_token') return exchange(request, response);
  if (url.pathname === '/api/v3/') return answer(response, 200, {});
  if (request.headers.authorization !== 'token gho_of_the_tests') return answer(response, 401, {});
  if (url.pathname === '/api/v3/user') return answer(response, 200, person.user);
  return answer(response, 200, person.emails);
}

createServer((request, response) => {
  const url = new URL(request.url, base);
  if (/^\/(login\/oauth|api\/v3)\//.test(url.pathname)) return github(request, response, url);
  if (!url.pathname.startsWith(`${mount}/`)) return plain(request, response);
  request.originalUrl = request.url;
  request.url = request.url.slice(mount.length);
  return mounted(request, response);
}).listen(Number(port), 'localhost', () => console.log('ready'));
