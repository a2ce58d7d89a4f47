"""Keys, windows and signatures: the bytes as sent decide."""

from __future__ import annotations

import pytest

from bot.local_exchange import signing
from bot.local_exchange.errors import WireError
from bot.local_exchange.parameters import Parameters
from bot.local_exchange.signing import KeyPair

# The worked example of Binance's own documentation for signed endpoints.
PAIR = KeyPair(
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
SAID = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
SIGNATURE = b"c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
NOW_MS = 1_000_000


def code_of(error: pytest.ExceptionInfo[WireError]) -> int:
    return error.value.code


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (SAID + b"&signature=" + SIGNATURE, b""),
        (b"", SAID + b"&signature=" + SIGNATURE),
        (SAID + b"&signature=" + SIGNATURE.upper(), b""),
        (b"signature=" + SIGNATURE, SAID),
    ],
)
def test_the_vendors_example_is_accepted_wherever_it_stands(query: bytes, body: bytes) -> None:
    signing.check_signature(PAIR, query, body)


def test_query_and_body_are_signed_together_without_anything_between() -> None:
    query, body = b"symbol=LTCBTC&side=BUY", b"quantity=1&timestamp=1"
    signature = signing.sign(PAIR.secret, query + body).encode()
    signing.check_signature(PAIR, query, body + b"&signature=" + signature)


def test_unescaped_bytes_are_verified_as_they_came() -> None:
    raw = b'orders=[{"symbol":"BTCUSDT"}]&timestamp=1'
    signing.check_signature(PAIR, b"", raw + b"&signature=" + signing.sign(PAIR.secret, raw).encode())


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (SAID.replace(b"quantity=1", b"quantity=2") + b"&signature=" + SIGNATURE, -1022),
        (SAID + b"&signature=" + SIGNATURE[:-1] + b"0", -1022),
        (SAID + b"&signature=" + SIGNATURE + b"&reduceOnly=true", -1022),  # added by somebody on the way
        (SAID + b"&signature=%C3%A9", -1022),
        (SAID + b"&signature=", -1102),
        (SAID, -1102),
    ],
)
def test_anything_else_is_refused(query: bytes, code: int) -> None:
    with pytest.raises(WireError) as error:
        signing.check_signature(PAIR, query, b"")
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("header", "code"), [(None, -2014), ("", -2014), ("not a key!", -2014), (PAIR.key[:-1] + "B", -2015)]
)
def test_a_key_that_was_never_issued_is_refused(header: str | None, code: int) -> None:
    with pytest.raises(WireError) as error:
        signing.check_key(PAIR, header)
    assert code_of(error) == code
    signing.check_key(PAIR, PAIR.key)


@pytest.mark.parametrize(
    ("timestamp", "window", "scale", "code"),
    [
        (NOW_MS, None, 1, None),
        (NOW_MS - 5_000, None, 1, None),
        (NOW_MS - 5_001, None, 1, -1021),
        (NOW_MS - 5_001, 6_000, 1, None),
        (NOW_MS + 999, None, 1, None),
        (NOW_MS + 1_000, None, 1, -1021),
        (NOW_MS, 60_000, 1, None),
        (NOW_MS, 60_001, 1, -1131),
        (NOW_MS - 40_000, 50_000 * 10, 10, None),
        (NOW_MS - 40_000, None, 10, None),
        (NOW_MS + 9_999, None, 10, None),
    ],
)
def test_the_window_is_venue_time_and_grows_with_its_speed(
    timestamp: int, window: int | None, scale: float, code: int | None
) -> None:
    said = f"timestamp={timestamp}" + (f"&recvWindow={window}" if window is not None else "")
    if code is None:
        signing.check_time(Parameters(said.encode()), NOW_MS, scale)
        return
    with pytest.raises(WireError) as error:
        signing.check_time(Parameters(said.encode()), NOW_MS, scale)
    assert code_of(error) == code


def test_made_keys_have_the_venues_form_and_are_never_the_same() -> None:
    one, other = signing.make_keys(), signing.make_keys()
    assert len({one.key, one.secret, other.key, other.secret}) == 4
    assert all(len(text) == 64 and text.isalnum() for text in (one.key, one.secret))
    assert one.secret not in repr(one)
