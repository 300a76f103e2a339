"""Numbers by which states know people: how they are written, and their checksums.

The checksums are python-stdnum's. Numbers whose checksum is weak and that have no form of their own
count only beside a word that names them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

_NEVER_GIVEN = {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


@dataclass(frozen=True, slots=True)
class NationalId:
    """One kind of number: `pattern` for RE2, `words` that stand beside it, in lower case.

    `distinct` says whether the number may count without such a word: always, or only where it has
    separators (`None`).
    """

    slug: str
    label: str
    pattern: str
    valid: Callable[[str], bool]
    words: tuple[str, ...]
    distinct: bool | None

    def needs_words(self, number: str) -> bool:
        """Return whether this writing of the number counts only beside one of the words."""
        return not self.distinct if self.distinct is not None else number.isalnum()


def _nino_valid(number: str) -> bool:
    return number[:2].upper() not in _NEVER_GIVEN


NATIONAL_IDS = (
    NationalId("us_ssn", "United States: social security number", r"\d{3}[- ]?\d{2}[- ]?\d{4}",
               ssn.is_valid, ("ssn", "social security"), None),
    NationalId("uk_nino", "United Kingdom: National Insurance number",
               r"(?i)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
               _nino_valid, ("nino", "national insurance"), True),
    NationalId("de_idnr", "Germany: tax identification number", r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
               idnr.is_valid, ("steuer", "idnr", "tax id"), False),
    NationalId("fr_nir", "France: social security number",
               r"(?i)[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}",
               nir.is_valid, ("sécurité sociale", "securite sociale", "nir", "insee"), True),
    NationalId("es_dni", "Spain: DNI", r"(?i)\d{8}[- ]?[A-Z]", dni.is_valid, ("dni", "nif"), True),
    NationalId("es_nie", "Spain: NIE", r"(?i)[XYZ][- ]?\d{7}[- ]?[A-Z]", nie.is_valid, ("nie",), True),
    NationalId("it_cf", "Italy: codice fiscale",
               r"(?i)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]",
               codicefiscale.is_valid, ("codice fiscale",), True),
    NationalId("br_cpf", "Brazil: CPF", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", cpf.is_valid, ("cpf",), None),
    NationalId("nl_bsn", "Netherlands: BSN", r"\d{4}[. ]?\d{2}[. ]?\d{3}", bsn.is_valid,
               ("bsn", "burgerservicenummer", "sofinummer"), False),
    NationalId("pl_pesel", "Poland: PESEL", r"\d{11}", pesel.is_valid, ("pesel",), False),
    NationalId("se_pnr", "Sweden: personnummer", r"(?:19|20)?\d{6}[-+]?\d{4}",
               personnummer.is_valid, ("personnummer", "personnr", "pnr"), None),
    NationalId("be_nn", "Belgium: national number", r"\d{2}\.?\d{2}\.?\d{2}-?\d{3}\.?\d{2}",
               nn.is_valid, ("rijksregister", "registre national", "national number"), None),
    NationalId("ch_ahv", "Switzerland: AHV number", r"756\.?\d{4}\.?\d{4}\.?\d{2}",
               ahv.is_valid, ("ahv", "avs"), None),
    NationalId("fi_hetu", "Finland: henkilötunnus", r"(?i)\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]",
               hetu.is_valid, ("hetu", "henkilötunnus"), True),
)  # fmt: skip
