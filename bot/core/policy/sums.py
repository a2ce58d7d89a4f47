"""Owns what must hold between the parts of the targets (R-T1, R-T2, R-T6): sums, names, floors; it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from bot.core.policy.wanted import Overlay, Sleeve, Targets

ONE = Decimal(1)
# Weights written as thirds (0.333…) add up to 1 as far as anything here is compared.
NEAR = Decimal("0.000000001")

Problem = tuple[str, str]


def problems(targets: Targets, accounting_currency: str) -> Iterator[Problem]:
    """Every contradiction in the targets, as key and words."""
    if not targets.sleeves:
        yield "targets.sleeves", "is empty, must hold at least one sleeve, as in majors: {weight: 0.9, assets: [BTC]}"
        return
    yield from _skeleton(targets)
    yield from _floor(targets.stables.weight, targets, "targets.stables.floor", "targets.stables.weight")
    for name, sleeve in targets.sleeves.items():
        yield from _sleeve(f"targets.sleeves.{name}", sleeve, targets)
    yield from _coins(targets, accounting_currency)
    for regime, overlay in targets.regimes.items():
        yield from _overlay(f"targets.regimes.{regime}", overlay, targets)


def overlaid(targets: Targets, overlay: Overlay) -> tuple[Mapping[str, Decimal], Decimal]:
    """Sleeve weights and stables under an overlay: what it does not name is scaled so that the sum stays 1 (R-T2)."""
    base = {name: sleeve.weight for name, sleeve in targets.sleeves.items()}
    named = sum(overlay.sleeves.values(), overlay.stables or Decimal(0))
    free = sum((weight for name, weight in base.items() if name not in overlay.sleeves), Decimal(0))
    free += targets.stables.weight if overlay.stables is None else 0
    scale = (ONE - named) / free if free else Decimal(0)
    weights = {name: overlay.sleeves.get(name, weight * scale) for name, weight in base.items()}
    return weights, targets.stables.weight * scale if overlay.stables is None else overlay.stables


def _list(weights: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{name} {weight:f}" for name, weight in weights.items())


def _is_one(total: Decimal) -> bool:
    return abs(total - ONE) <= NEAR


def _skeleton(targets: Targets) -> Iterator[Problem]:
    weights = {name: sleeve.weight for name, sleeve in targets.sleeves.items()} | {"stables": targets.stables.weight}
    total = sum(weights.values(), Decimal(0))
    if not _is_one(total):
        yield (
            "targets.sleeves",
            f"targets.sleeves + targets.stables sum to {total.normalize():f} ({_list(weights)}), must be 1",
        )


def _floor(stables: Decimal, targets: Targets, where: str, what: str) -> Iterator[Problem]:
    floor = targets.stables.floor
    if floor >= stables and (floor or stables):
        weight = stables.quantize(NEAR, ROUND_HALF_EVEN).normalize()
        yield where, f"is {floor:f}, must be under {what} {weight:f} (equal only where both are 0)"


def _sleeve(where: str, sleeve: Sleeve, targets: Targets) -> Iterator[Problem]:
    if sleeve.fixed is None:
        if sleeve.weighting == "fixed":
            yield f"{where}.weighting", "is fixed, but assets is a list: write a map such as {BTC: 0.6, ETH: 0.4}"
    else:
        total = sum(sleeve.fixed.values(), Decimal(0))
        if not sleeve.fixed:
            yield f"{where}.assets", "is empty, must name at least one"
        elif not _is_one(total):
            yield f"{where}.assets", f"sum to {total.normalize():f} ({_list(sleeve.fixed)}), must be 1"
        if sleeve.weighting != "fixed":
            yield f"{where}.weighting", f"is {sleeve.weighting}, but assets is a map of fixed weights: make it a list"
    if sleeve.cap is not None and not sleeve.narrative:
        yield f"{where}.cap", f"is {sleeve.cap:f}, but only narrative sleeves have one: write narrative: true too"
    elif sleeve.cap is not None and sleeve.cap < sleeve.weight:
        yield f"{where}.cap", f"is {sleeve.cap:f}, must be at least the sleeve's weight {sleeve.weight:f}"
    if sleeve.instruments is not None and "spot" not in sleeve.instruments:
        yield f"{where}.instruments", "is [futures], must hold spot"
    if targets.model == "core-satellite" and sleeve.role is None:
        yield f"{where}.role", "is missing, must be core or satellite under targets.model core-satellite"


def _coins(targets: Targets, accounting_currency: str) -> Iterator[Problem]:
    homes: dict[str, str] = {}
    for name, sleeve in targets.sleeves.items():
        for asset in sleeve.members:
            if asset in targets.stables.assets:
                yield f"targets.sleeves.{name}.assets", f"names {asset}, which is one of targets.stables.assets"
            if asset in homes:
                yield f"targets.sleeves.{name}.assets", f"names {asset}, which is in sleeve {homes[asset]} already"
            homes.setdefault(asset, name)
    for asset in targets.keep:
        if asset not in homes:
            yield f"targets.keep.{asset}", "is in no sleeve, must be one of the configured coins"
    if accounting_currency not in targets.stables.assets:
        listed = ", ".join(targets.stables.assets)
        yield "accounting_currency", f"is {accounting_currency}, must be one of targets.stables.assets ({listed})"


def _overlay(where: str, overlay: Overlay, targets: Targets) -> Iterator[Problem]:
    unknown = sorted(set(overlay.sleeves) - set(targets.sleeves))
    if unknown:
        known = ", ".join(targets.sleeves)
        yield f"{where}.sleeves.{unknown[0]}", f"is no sleeve, must be one of {known}"
        return
    named = dict(overlay.sleeves) | ({"stables": overlay.stables} if overlay.stables is not None else {})
    total = sum(named.values(), Decimal(0))
    weights, stables = overlaid(targets, overlay)
    whole = sum(weights.values(), stables)
    if total > ONE + NEAR:
        yield where, f"sums to {total.normalize():f} ({_list(named)}), must be at most 1"
    elif named and not _is_one(whole):
        yield where, f"sums to {total.normalize():f} ({_list(named)}) and leaves nothing to scale, must be 1"
    elif named:
        yield from _floor(stables, targets, "targets.stables.floor", f"the stables of {where}")
