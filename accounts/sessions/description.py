"""A session in words: by which a person tells their own from a stranger's."""

from ipaddress import ip_address

# The first that is found in what a browser calls itself; each browser names its ancestors too.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def device_of(user_agent: str) -> str:
    """Return the browser and the system, for example "Firefox on Linux"."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Unknown device"


def place_of(ip: str | None) -> str:
    """Return what the address tells of the place; towns are nobody's to know without a register."""
    if ip is None:
        return "Unknown address"
    address = ip_address(ip)
    if address.is_loopback:
        return "This server itself"
    if address.is_private:
        return f"Internal network ({ip})"
    return f"Internet ({ip})"


def _first(names: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for mark, name in names if mark in text), "")
