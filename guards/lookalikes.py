"""Characters that look like ASCII letters, as facts of Unicode's charts.

Written for this platform from the shapes of the letters, not taken from Unicode's table of
confusables, which also pairs signs that nobody mistakes within a word. What NFKC folds (full-width,
mathematical, circled letters) is not listed.
"""

import unicodedata
from functools import cache

# Each character of the second text stands for the one at its place in the first.
_PAIRS = (
    # Cyrillic
    ("авеѕіјорусһкмтнхԁԛԝѵӏг", "abesijopychkmthxdqwvlr"),
    ("АВЕЅІЈОРУСНКМТХԚԜѴӀ", "ABESIJOPYCHKMTXQWVI"),
    # Greek
    ("αβγεικνορτυχωϲϳ", "abyeikvoptuxwcj"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXC"),
    # Armenian
    ("օոսցհ", "onugh"),
    ("ՕՍՏԼ", "OUSL"),
    # Cherokee
    ("ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᎡᏚᎢᏙᏔᎽᏃ", "ABCDEGHIJKLMPRSTVWYZ"),
    # Latin letters and phonetic signs that carry no accent to take off
    ("ɑɡıȷʟɩɾʀʏʋʙɢʜɪɴᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢꜰꜱ", "agijlirryvbghinacdejkmoptuvwzfs"),
    ("øłđħŧƀɓƈɖɗɠɦƙɱɲƥʠʂƭʈƴȥ", "oldhtbbcddghkmnpqsttyz"),
    ("ØŁĐĦŦƁƇƊƓƘƤƬƳȤ", "OLDHTBCDGKPTYZ"),
)
# Squared letters, negative circled, negative squared ones, and the letters that flags are made of:
# 26 each, in the order of the alphabet.
_BLOCKS = (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)


@cache
def table() -> dict[int, str]:
    """Return what `str.translate` needs to write look-alikes and accented letters in ASCII."""
    plain = {start + place: chr(ord("a") + place) for start in _BLOCKS for place in range(26)}
    for letters, shapes in _PAIRS:
        plain.update({ord(letter): shape for letter, shape in zip(letters, shapes, strict=True)})
    for number in (*range(0xC0, 0x530), *range(0x1E00, 0x2000)):
        base = unicodedata.normalize("NFKD", chr(number))[0]
        if base.isascii() or ord(base) in plain:
            plain.setdefault(number, plain.get(ord(base), base))
    return plain
