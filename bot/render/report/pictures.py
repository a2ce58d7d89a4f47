"""Owns the pictures of a report: PNG files that show without a browser what its page shows. Loads matplotlib alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bot.render.report.page import parts_to_the_cent, signed_money

NAMES: Final = ("equity.png", "exposure.png", "actions.png", "attribution.png")
COLOURS: Final[Mapping[str, str]] = {
    "mine": "#1f4fa8",
    "held": "#8a93a0",
    "calendar": "#b07d2b",
    "bands": "#4b9c77",
    "unhedged": "#9a4fa0",
    "band": "#d4dfee",
    "buy": "#17794a",
    "sell": "#c2342d",
    "up": "#4b9c77",
    "down": "#cf5a52",
    "text": "#18212c",
    "muted": "#556170",
    "line": "#e1e5ea",
}
WIDE: Final = 10.0  # inches at 100 dots
DOTS: Final = 100
ACROSS: Final = 3  # small pictures side by side
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": COLOURS["line"],
    "axes.grid": True,
    "axes.labelcolor": COLOURS["muted"],
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.dpi": DOTS,
    "font.size": 9,
    "grid.color": COLOURS["line"],
    "legend.frameon": False,
    "text.color": COLOURS["text"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
}


def write_pictures(body: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the pictures of a report's body into a folder that is there, and name them. Raises OSError."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    made: list[Path] = []
    with mpl.rc_context(STYLE):
        for name, paint in zip(NAMES, (_equity, _exposure, _actions, _attribution), strict=True):
            figure = Figure(layout="constrained")
            paint(figure, body)
            made.append(folder / name)
            figure.savefig(made[-1], metadata={"Software": None})
    return made


def _times(body: Mapping[str, Any]) -> list[datetime]:
    return [datetime.fromtimestamp(seconds, UTC) for seconds in body["series"]["at"]]


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _dated(axes: Any) -> None:
    import matplotlib.dates

    dates: Any = matplotlib.dates  # without types of its own
    where = dates.AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(where)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(where))


def _equity(figure: Any, body: Mapping[str, Any]) -> None:
    figure.set_size_inches(WIDE, 6.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    names = {"mine": "this", **{each["key"]: each["name"] for each in body["rivals"]}}
    times = _times(body)
    for key in reversed(list(body["series"]["equity"])):
        look = {"color": COLOURS[key], "lw": 2.0 if key == "mine" else 1.1, "ls": "--" if key == "unhedged" else "-"}
        upper.plot(times, _numbers(body["series"]["equity"][key]), label=names[key], **look)
        lower.plot(times, _numbers(body["series"]["drawdown"][key]), **look)
    upper.set_title(f"{body['name']}: equity, {body['currency']}")
    upper.yaxis.set_major_formatter("{x:,.0f}")
    upper.legend(loc="upper left", ncols=5, fontsize=8)
    upper.margins(y=0.15)
    lower.set_title("drawdown")
    lower.yaxis.set_major_formatter("{x:.0f} %")
    lower.fill_between(times, _numbers(body["series"]["drawdown"]["mine"]), color=COLOURS["mine"], alpha=0.12, lw=0)
    _dated(lower)


def _small(figure: Any, body: Mapping[str, Any], height: float) -> list[tuple[str, Any]]:
    """One small picture an asset, side by side."""
    assets = list(body["series"]["assets"])
    rows = max(1, -(-len(assets) // ACROSS))
    figure.set_size_inches(WIDE, height * rows + 0.3)
    places = figure.subplots(rows, ACROSS, sharex=True, squeeze=False).flat
    found = [(asset, axes) for asset, axes in zip(assets, places, strict=False)]
    for axes in list(figure.axes)[len(assets) :]:
        axes.set_visible(False)
    for asset, axes in found:
        axes.set_title(asset)
        _dated(axes)
        axes.tick_params(labelbottom=True)
    return found


def _exposure(figure: Any, body: Mapping[str, Any]) -> None:
    times = _times(body)
    for asset, axes in _small(figure, body, 1.9):
        own = {word: _numbers(values) for word, values in body["series"]["assets"][asset].items()}
        axes.fill_between(times, own["low"], own["high"], color=COLOURS["band"], lw=0, label="band")
        axes.plot(times, own["target"], color=COLOURS["calendar"], lw=0.8, ls=":", label="target")
        axes.plot(times, own["spot"], color=COLOURS["held"], lw=0.8, label="spot")
        axes.plot(times, own["net"], color=COLOURS["mine"], lw=1.0, label="net")
        axes.yaxis.set_major_formatter("{x:.0f} %")
    if figure.axes:
        figure.axes[0].legend(fontsize=7, loc="upper right", ncols=2)


def _actions(figure: Any, body: Mapping[str, Any]) -> None:
    times = _times(body)
    for asset, axes in _small(figure, body, 2.1):
        axes.plot(times, _numbers(body["series"]["assets"][asset]["price"]), color=COLOURS["held"], lw=0.8)
        for side, mark, colour in ((1, "^", "buy"), (-1, "v", "sell")):
            for perpetual in (False, True):
                mine = [
                    each
                    for each in body["actions"]
                    if each["asset"] == asset and each["side"] == side and each["perpetual"] == perpetual
                ]
                axes.scatter(
                    [datetime.fromtimestamp(each["at"], UTC) for each in mine],
                    [each["price"] for each in mine],
                    s=14, marker=mark, linewidths=0.6, zorder=3,
                    edgecolors=COLOURS[colour], facecolors="none" if perpetual else COLOURS[colour],
                )  # fmt: skip


def _attribution(figure: Any, body: Mapping[str, Any]) -> None:
    axes = figure.subplots()
    told = body["attribution"]
    if told is None:
        figure.set_size_inches(WIDE, 1.0)
        axes.set_title("equity was known at no decision")
        return
    figure.set_size_inches(WIDE, 4.2)
    values = parts_to_the_cent(told)
    level = 0.0
    for place, (_, _, value) in enumerate(values):
        axes.barh(place, float(value), left=level, color=COLOURS["up" if value >= 0 else "down"], height=0.6)
        level += float(value)
    axes.barh(len(values), level, color=COLOURS["mine"], height=0.6)
    words = [*(f"{name}  {signed_money(value)}" for name, _, value in values), f"change  {signed_money(level)}"]
    axes.set_yticks(range(len(words)), words)
    axes.invert_yaxis()
    axes.axvline(0, color=COLOURS["muted"], lw=0.8)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(f"{body['name']}: where the change came from, {body['currency']}")
