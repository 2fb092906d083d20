"""Things that stand outdoors or in, of any material: trees, poles, fences, crates, drums, furniture."""

from __future__ import annotations

import math
import random

from triptych.data.synthetic.patterns import any_phase
from triptych.data.synthetic.solids import Look, Solid, Vector, box, cylinder, ellipsoid, frustum
from triptych.data.synthetic.staging import Prop
from triptych.data.synthetic.street_materials import Leaves, Rough

GREENS: tuple[Vector, ...] = (
    (0.20, 0.31, 0.11), (0.28, 0.38, 0.13), (0.15, 0.24, 0.10), (0.36, 0.38, 0.14), (0.42, 0.34, 0.12),
)  # fmt: skip
BARKS: tuple[Vector, ...] = ((0.30, 0.25, 0.20), (0.42, 0.38, 0.33), (0.22, 0.17, 0.13))

BARK, FOLIAGE, NEEDLES, STONE = Rough((6.0, 1.2), 0.9), Leaves(0.7), Leaves(0.35), Rough((2.0, 2.0), 1.1)


def leaves_look(dice: random.Random, material: Leaves = FOLIAGE) -> Look:
    """Green leaves."""
    return Look(material, dice.choice(GREENS), (0.40, 0.43, 0.17), any_phase(dice))


def tree(dice: random.Random) -> Prop:
    """A trunk with branches of overlapping ellipsoids of leaves."""
    size = dice.uniform(0.7, 1.7)
    trunk = dice.uniform(1.6, 3.0) * size
    bark = Look(BARK, dice.choice(BARKS), (0.22, 0.20, 0.15), any_phase(dice))
    leaves = leaves_look(dice)
    solids = [cylinder((0.0, -trunk / 2, 0.0), dice.uniform(0.10, 0.2) * size, trunk, bark)]
    for _ in range(dice.choice((3, 4, 5))):
        x, z = (dice.uniform(-0.9, 0.9) * size for _ in range(2))
        radius = dice.uniform(0.7, 1.35) * size
        center = (x, -trunk - dice.uniform(0.2, 2.4) * size, z)
        solids.append(ellipsoid(center, (radius, radius * dice.uniform(0.7, 1.0), radius), leaves))
    return Prop(tuple(solids), 1.2 * size)


def conifer(dice: random.Random) -> Prop:
    """A trunk with four pyramids of needles, each smaller than the one below."""
    size = dice.uniform(0.7, 1.6)
    bark = Look(BARK, dice.choice(BARKS), (0.22, 0.20, 0.15), any_phase(dice))
    needles = Look(NEEDLES, (0.13, 0.22, 0.12), (0.24, 0.30, 0.15), any_phase(dice))
    solids = [cylinder((0.0, -0.7 * size, 0.0), 0.14 * size, 1.4 * size, bark)]
    for tier in range(4):
        half, low = (1.35 - 0.3 * tier) * size, (0.9 + 1.05 * tier) * size
        solids.append(
            frustum(
                (-half, -low - 1.6 * size, -half), (half, -low, half), needles,
                front=0.9 * half, back=0.9 * half, side=0.9 * half,
            )
        )  # fmt: skip
    return Prop(tuple(solids), 1.4 * size)


def bush(dice: random.Random) -> Prop:
    """A few low ellipsoids of leaves."""
    size = dice.uniform(0.35, 1.0)
    leaves = leaves_look(dice, Leaves(0.4))
    solids = tuple(
        ellipsoid(
            (dice.uniform(-0.7, 0.7) * size, -dice.uniform(0.3, 0.7) * size, dice.uniform(-0.7, 0.7) * size),
            (size, size * dice.uniform(0.7, 1.0), size),
            leaves,
        )
        for _ in range(3)
    )
    return Prop(solids, 1.6 * size)


def rock(dice: random.Random) -> Prop:
    """Two boulders, half in the ground."""
    size = dice.uniform(0.25, 1.1)
    stone = Look(STONE, dice.choice(((0.5, 0.48, 0.45), (0.42, 0.38, 0.33), (0.6, 0.57, 0.5))), (0.3, 0.33, 0.24))
    solids = tuple(
        ellipsoid(
            (dice.uniform(-0.5, 0.5) * size, -0.2 * size, dice.uniform(-0.5, 0.5) * size),
            (size * dice.uniform(0.6, 1.0), size * dice.uniform(0.5, 0.9), size * dice.uniform(0.6, 1.0)),
            stone,
        )
        for _ in range(2)
    )
    return Prop(solids, 1.5 * size)


def pole(dice: random.Random, look: Look) -> Prop:
    """A thin upright pole."""
    height = dice.uniform(1.8, 6.0)
    return Prop((cylinder((0.0, -height / 2, 0.0), dice.uniform(0.03, 0.12), height, look),), 0.15)


def mast(look: Look, *, height: float, arm: float) -> tuple[Solid, ...]:
    """A pole with a crossbar near its top, along x."""
    return (
        cylinder((0.0, -height / 2, 0.0), 0.12, height, look),
        box((-arm, -height + 0.35, -0.06), (arm, -height + 0.5, 0.06), look),
    )


def fence(look: Look, *, length: float, height: float, gap: float, rails: int = 2) -> tuple[Solid, ...]:
    """Posts and rails along z from 0 to the length."""
    posts = max(1, round(length / gap))
    solids = [
        box((-0.045, -height, at - 0.045), (0.045, 0.0, at + 0.045), look)
        for at in (length * index / posts for index in range(posts))
    ]
    for rail in range(rails):
        high = height * (0.92 - 0.85 * rail / max(rails, 2))
        solids.append(box((-0.025, -high - 0.04, 0.0), (0.025, -high + 0.04, length), look))
    return tuple(solids)


def crate(dice: random.Random, look: Look, *, smallest: float = 0.3, largest: float = 1.4) -> Prop:
    """A box, now and then a smaller one on top."""
    half = 0.5 * math.exp(dice.uniform(math.log(smallest), math.log(largest)))
    long, tall = half * dice.uniform(0.7, 1.5), half * dice.uniform(0.8, 2.4)
    solids = [box((-half, -tall, -long), (half, 0.0, long), look)]
    if dice.random() < 0.3:
        inner = half * dice.uniform(0.4, 0.8)
        solids.append(box((-inner, -tall - inner, -inner), (0.6 * inner, -tall, 0.8 * inner), look))
    return Prop(tuple(solids), math.hypot(half, long))


def drum(dice: random.Random, look: Look) -> Prop:
    """A standing drum or pillar."""
    radius = dice.uniform(0.2, 0.6)
    height = radius * dice.uniform(1.5, 4.0)
    return Prop((cylinder((0.0, -height / 2, 0.0), radius, height, look),), radius)


def table(dice: random.Random, look: Look) -> Prop:
    """A board on four thin legs."""
    half, long, high = dice.uniform(0.35, 0.7), dice.uniform(0.4, 0.9), dice.uniform(0.6, 0.95)
    legs = _legs(half - 0.05, long - 0.05, high, look)
    return Prop((box((-half, -high - 0.05, -long), (half, -high, long), look), *legs), math.hypot(half, long))


def chair(dice: random.Random, look: Look) -> Prop:
    """Seat, back and four thin legs."""
    half, high = dice.uniform(0.2, 0.26), dice.uniform(0.42, 0.5)
    seat = box((-half, -high - 0.05, -half), (half, -high, half), look)
    back = box((-half, -high - dice.uniform(0.4, 0.6), -half), (half, -high - 0.12, -half + 0.05), look)
    return Prop((seat, back, *_legs(half - 0.03, half - 0.03, high + 0.15, look)), 1.45 * half)


def _legs(half: float, long: float, high: float, look: Look) -> tuple[Solid, ...]:
    """Four legs at the corners."""
    return tuple(
        box((x * half - 0.025, -high, z * long - 0.025), (x * half + 0.025, 0.0, z * long + 0.025), look)
        for x in (-1, 1)
        for z in (-1, 1)
    )


def figure(dice: random.Random, clothes: Look, skin: Look) -> Prop:
    """A person: legs, trunk, arms and head."""
    tall = dice.uniform(1.5, 1.95)
    stride = dice.uniform(0.05, 0.18)
    return Prop(
        (
            box((-0.17, -0.48 * tall, -stride - 0.08), (-0.02, 0.0, -stride + 0.08), skin),
            box((0.02, -0.48 * tall, stride - 0.08), (0.17, 0.0, stride + 0.08), skin),
            frustum((-0.23, -0.84 * tall, -0.14), (0.23, -0.46 * tall, 0.14), clothes, side=-0.02),
            box((-0.32, -0.82 * tall, stride - 0.06), (-0.23, -0.42 * tall, stride + 0.06), clothes),
            box((0.23, -0.82 * tall, -stride - 0.06), (0.32, -0.42 * tall, -stride + 0.06), clothes),
            ellipsoid((0.0, -0.92 * tall, 0.0), (0.10, 0.13, 0.12), Look(STONE, (0.72, 0.54, 0.42), (0.2, 0.15, 0.1))),
        ),
        0.45,
    )
