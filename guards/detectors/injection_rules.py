"""What people write who want a model to leave its instructions: rules for lower-case text.

Each rule is an expression for RE2 with a score of how seldom it stands in harmless text. Letters
are written as they are; `injection` folds them as it folds the text.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """One expression: `category` is what a match means, `score` how likely it means it."""

    category: str
    score: float
    pattern: str


_WHAT = (
    r"(?:instructions?|instructs|prompts?|directives?|rules?|guidelines?|commands?|orders?|directions?|"
    r"constraints?|restrictions?|programming|training|polic(?:y|ies)|safeguards?|guardrails?|filters?|"
    r"safety (?:protocols?|measures?|guidelines?|rules?)|context|messages?|text|conversation|above)"
)
_WHICH = (
    r"(?:all|any|every|each|the|your|my|these|those|this|that|of|prior|previous|preceding|earlier|above|"
    r"foregoing|existing|current|original|initial|system|safety|security|content|other|such|whatever|"
    r"everything|internal|hidden|built-in|default|ethical|so-called|old|past|given)"
)
_LEAVE = (
    r"(?:ignore|disregard|forget|override|overrule|bypass|neglect|dismiss|discard|drop|skip|omit|void|"
    r"abandon|circumvent|do not follow|don'?t follow|stop following|pay no attention to|do not obey|"
    r"cancel|erase|delete|suspend|set aside|throw away)"
)
_PROMPT = (
    r"(?:system|initial|original|hidden|secret|internal|starting|underlying|developer|base|first|"
    r"confidential|pre-?set|real|full|exact|complete|core)[ -]*(?:\w+[ -]+){0,2}"
    r"(?:prompts?|instructions?|messages?|directives?|rules|guidelines|configuration|commands?)"
)
_SHOW = (
    r"(?:reveal|show|print|display|output|repeat|recite|tell|give|share|leak|expose|disclose|dump|"
    r"write|return|list|send|describe|echo|translate|summari[sz]e|encode|spell|copy|paste|quote|what (?:is|are|was|were))"
)

RULES = (
    # Leave the instructions
    Rule("override", 0.9, rf"\b{_LEAVE}\b\s*(?:(?:about\s+|and\s+\w+\s+)?{_WHICH}\s*,?\s*){{1,6}}{_WHAT}\b"),
    Rule("override", 0.8, rf"\b{_LEAVE}\s+(?:everything|anything|all|what)\b.{{0,30}}\b(?:above|before|previous\w*|prior|said|told|so far|earlier)\b"),
    Rule("override", 0.7, r"\b(?:new|updated|revised|real|actual) (?:system )?(?:instructions?|prompt|directives?|task) ?(?::|are|is|follow|begin)"),
    Rule("override", 0.7, r"\b(?:the|your|all) (?:above|previous|prior|earlier) (?:\w+ )?(?:instructions?|rules?|prompts?|text) (?:are|is|was|were) (?:now )?(?:void|invalid|cancell?ed|revoked|obsolete|wrong|fake|a test|outdated)"),
    Rule("override", 0.6, r"\b(?:from now on|starting now|henceforth)\b.{0,60}\b(?:you (?:are|will|must|act|have|can|shall)|obey|answer only)\b"),
    Rule("override", 0.7, r"\byou (?:are )?(?:no longer|not) (?:bound|restricted|limited|constrained|subject|required|obliged|obligated)\b"),
    Rule("override", 0.7, r"\bignoreall(?:previous|prior)?(?:instructions)?\b|\bignorepreviousinstructions?\b"),
    Rule("override", 0.9, r"\b(?:ignorier|vergiss|vergess|missacht|verwirf|übergeh|umgeh)\w*\s+(?:\w+\s+){0,3}(?:anweisung|instruktion|regel|vorgabe|befehl|richtlinie|prompt)\w*"),
    Rule("override", 0.9, r"\b(?:ignor|oubli|négligez|néglige|contourn|annul)\w*\s+(?:\w+\s+){0,3}(?:instruction|consigne|règle|directive|ordre|prompt)\w*"),
    Rule("override", 0.9, r"\b(?:ignor|olvid|descart|omit|desobedec|anul)\w*\s+(?:\w+\s+){0,3}(?:instruccion|instrucoes|instruções|regla|regra|ordenes|indicacion|directriz|directrices|comando|prompt)\w*"),
    Rule("override", 0.9, r"\b(?:esque\w+|desconsider\w+|ignor\w+)\s+(?:\w+\s+){0,3}(?:instru\w+|regras?|ordens|diretrizes|comandos)\b"),
    Rule("override", 0.9, r"\b(?:ignor|dimentic|trascur|scord|omett)\w*\s+(?:\w+\s+){0,3}(?:istruzion|regol|ordin|direttiv|comand|prompt|misure di sicurezza)\w*"),
    Rule("override", 0.9, r"\b(?:negeer|vergeet)\s+(?:\w+\s+){0,3}(?:instructie|regel|opdracht|aanwijzing)\w*"),
    Rule("override", 0.9, r"(?:игнорируй|забудь|не следуй|отмени)\S*\s+(?:\S+\s+){0,3}(?:инструкци|правил|указани|команд)"),
    Rule("override", 0.9, r"(?:zignoruj|zapomnij|pomiń)\S*\s+(?:\S+\s+){0,3}(?:instrukcj|zasad|poleceni|polecen)"),
    Rule("override", 0.9, r"(?:忽略|无视|忘记|忽視|無視|忘掉).{0,12}(?:指令|指示|提示|规则|規則|说明|內容|内容)"),
    Rule("override", 0.9, r"(?:指示|命令|ルール|プロンプト).{0,8}(?:無視|忘れ)"),
    Rule("override", 0.9, r"(?:지시|명령|규칙|프롬프트).{0,8}(?:무시|잊)"),
    Rule("override", 0.9, r"(?:تجاهل|انس).{0,20}(?:التعليمات|الأوامر|القواعد)"),
    Rule("override", 0.9, r"(?:निर्देश|नियम).{0,20}(?:अनदेखा|भूल|नज़रअंदाज़)"),
    # Show the prompt
    Rule("prompt_leak", 0.8, rf"\b{_SHOW}\b(?:\s+(?:me|us|out|back|the|your|all|of|to|me,?|verbatim|exactly|contents?|every|word|in|full|entire)){{0,6}}\s+{_PROMPT}"),
    Rule("prompt_leak", 0.8, r"\b(?:repeat|print|output|recite|copy|write|translate)\b.{0,40}\b(?:text|words|everything|message|content|instructions?|sentences?)\s+(?:above|before this|prior to this|so far|you were given)\b"),
    Rule("prompt_leak", 0.7, r"\bwhat (?:were|are|was|is) (?:you|your) (?:told|instructed|initial|original|system|exact|hidden|secret)\b.{0,40}\b(?:instruct|prompt|before|beginning|start|rules?|told)"),
    Rule("prompt_leak", 0.8, r"\b(?:zeig|nenn|verrat|offenbar|gib|wiederhol)\w*\s+(?:\w+\s+){0,4}(?:system\W?prompt|systemanweisung|anfangsanweisung|geheime\w* anweisung|ursprüngliche\w* anweisung)\w*"),
    Rule("prompt_leak", 0.8, r"\b(?:révél|montr|affich|répét|muestr|revel|mostr|repit|repet|rivel|ripet)\w*\s+(?:\w+\s+){0,4}(?:prompt|(?:instruc|istruz|instruç)\w+ (?:inicial|original|initial|secr|del sistema|do sistema|système|di sistema|inizial)\w*)"),
    Rule("prompt_leak", 0.8, r"(?:显示|输出|告诉我|透露|重复|泄露).{0,12}(?:系统提示|初始指令|系统指令|提示词)"),
    Rule("prompt_leak", 0.7, r"\b(?:reveal|give|tell|show|share|print|say|output|leak)\b[^.!?\n]{0,30}\b(?:secret|access|api|admin|hidden)\s*(?:key|code|token|password|passphrase|word)\b"),
    # Play another part
    Rule("persona", 0.8, r"\b(?:dan|stan|dude|aim|evil|developer|debug|god|jailbreak|sudo|admin|unrestricted|maintenance|opposite)[ -]mode\b.{0,30}\b(?:enabled?|activated?|on|engaged|unlocked)\b|\bjailbr(?:eak|oken)\b.{0,40}\b(?:mode|enabled|prompt|yourself)\b"),
    Rule("persona", 0.8, r"\b(?:enter|enable|activate|switch (?:in)?to|unlock|simulate)\b.{0,20}\b(?:dan|developer|debug|god|jailbreak|sudo|admin|unrestricted|maintenance|root)[ -]?mode\b"),
    Rule("persona", 0.9, r"\bdo anything now\b|\byou are (?:now )?(?:going to (?:act as|be) )?(?:a )?dan\b"),
    Rule("persona", 0.8, r"\b(?:no|without(?: any)?|free (?:from|of)(?: all| any)?|zero|not have(?: any)?|lacks?(?: any)?|ignores? all) (?:\w+ ){0,2}(?:restrictions|limitations|filters?|filtering|censorship|guidelines|moral\w*|ethic\w*|constraints|safety (?:rules|measures|filters?)|boundaries)\b"),
    Rule("persona", 0.6, r"\b(?:unfiltered|uncensored|amoral|unrestricted|unethical|unbound)\b.{0,40}\b(?:ai|assistant|model|chatbot|response|answer|character|version)s?\b"),
    Rule("persona", 0.6, r"\b(?:never|do not|don'?t|must not|cannot|can'?t) (?:ever )?(?:refuse|say (?:you can'?t|no|that you|sorry|i cannot)|apologi[sz]e|warn|decline|include (?:any )?(?:warnings?|disclaimers?))\b"),
    # Pretend to be somebody else in the conversation
    Rule("role_delimiter", 0.9, r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|channel|message)\|?>"),
    Rule("role_delimiter", 0.9, r"\[/?inst\]|<</?sys>>|</?(?:start|end)_of_turn>|\[/?system(?: prompt| message)?\]|</?system(?:[_ -]?(?:prompt|message|instructions?))?>"),
    Rule("role_delimiter", 0.6, r"(?m)^\s*(?:#{2,}\s*)?(?:system|assistant|developer)\s*(?:message|prompt|override|instructions?)?\s*:\s*\S"),
    Rule("role_delimiter", 0.7, r"(?:end of (?:user )?(?:input|prompt|text|message|document)|begin (?:new )?(?:system )?instructions?)\W{2,}"),
    # Have data sent out, or act on text that is only data
    Rule("exfiltration", 0.7, r"!\[[^\]]{0,100}\]\(https?://[^)\s]{0,200}[?&/=]\s*(?:\{|\[|<|\$|%7b)"),
    Rule("exfiltration", 0.7, r"\b(?:if you are|attention|note to|message to|to) (?:an? |any |all |the )?(?:ai|llm|language model|large language model|assistant|chatbot|automated)\b.{0,60}\b(?:must|should|ignore|execute|instead|disregard|process|reading|summari[sz]ing)\b"),
    Rule("encoded", 0.6, r"\b(?:decode|decrypt|decipher)\b.{0,60}\b(?:and|then)\b.{0,20}\b(?:follow|execute|obey|run|do|comply|act|perform)\b"),
)  # fmt: skip
