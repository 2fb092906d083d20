"""A corridor that winds: walls with doors, pictures and pipes, lamps, handrails, columns, carts and boxes."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from triptych.data.synthetic.cameras import Drive, RoadLine, waves
from triptych.data.synthetic.daylight import lamplight
from triptych.data.synthetic.filming import DEGREE, Filming
from triptych.data.synthetic.movers import Company, movers
from triptych.data.synthetic.patterns import any_color, any_look, any_phase, palette
from triptych.data.synthetic.props import chair, crate, drum, figure, table
from triptych.data.synthetic.room_materials import Books, Printed, Wood
from triptych.data.synthetic.scene import Body, standing
from triptych.data.synthetic.solids import Look, Solid, box, cylinder, ellipsoid, half_space
from triptych.data.synthetic.staging import AT_ORIGIN, GroundPlan, Prop, camera_discs, scattered
from triptych.data.synthetic.surface import Material
from triptych.data.synthetic.world import World, lit_world

SECTION_M = 3.0
"""Length of a straight piece of wall; pieces overlap a little where the corridor bends."""

BACK_M, AHEAD_M = 15.0, 36.0
"""How far the corridor goes on behind the camera's first and beyond its last position."""


def corridor(seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None) -> World:
    """A corridor.

    Args:
        seed: of everything random.
        seconds: how long it is filmed.
        moving_objects: how many move, at most; None for 0 to 8.
        filming: how; None for straight ahead.
    """
    dice = random.Random(f"corridor/{seed}")
    half, high = dice.uniform(1.3, 3.2), dice.uniform(2.3, 3.8)
    bend, length = dice.uniform(0.3, 2.5), dice.uniform(28, 60)
    line = RoadLine(((bend, 2 * math.pi / length, dice.uniform(0, 2 * math.pi)),))
    drive = (filming or Filming()).drive(dice, _drive(dice, line))
    style = _Style(palette(dice, 1.2), half, high)
    plan = GroundPlan()
    company = Company(style.mover, (0.5, 2.2), (2.2, 8.0), 0.9 * half, camera_m=0.5, reach_m=half - 0.1)
    moving = movers(dice, drive, company, plan, seconds=seconds, count=moving_objects)
    plan.take(camera_discs(drive, seconds, 0.6))
    last = drive.along(seconds)
    floor = Look(dice.choice(palette(dice, 2.5)), any_color(dice, 0.3, 0.7, strong=0.3), any_color(dice), gloss=0.2)
    bodies = [standing((half_space(floor),), AT_ORIGIN), *_walls(dice, line, style, last)]
    for make, number, aside in ((style.furniture, 40, (half - 0.7, half - 0.25)), (style.small, 16, (0.5, half - 0.3))):
        bodies += scattered(dice, plan, line, make, count=number, along=(-BACK_M, last + AHEAD_M), aside=aside)
    bodies += moving
    return lit_world(bodies, drive, lamplight(dice, seed), seconds=seconds, casting=moving)


def _drive(dice: random.Random, line: RoadLine) -> Drive:
    """Walking pace, at the height of a hand or an eye."""
    return Drive(
        line=line,
        lane_m=dice.uniform(-0.3, 0.3),
        height_m=dice.uniform(0.7, 1.7),
        speed_m_s=1.9,
        pace=waves(dice, 0.35, (0.2, 0.5)),
        drift=waves(dice, 0.12, (0.2, 0.45)),
        bounce=waves(dice, 0.025, (0.9, 1.8)),
        yaw=waves(dice, 3 * DEGREE, (0.2, 0.5)),
        pitch=waves(dice, 1.2 * DEGREE, (0.4, 1.0)),
        roll=waves(dice, 1.2 * DEGREE, (0.3, 0.9)),
        tilt=dice.uniform(-8, 3) * DEGREE,
    )


def _walls(dice: random.Random, line: RoadLine, style: _Style, last: float) -> list[Body]:
    """Walls, ceiling and what hangs on them, section by section, and a wall at either end."""
    walls = [any_look(dice, style.patterns, glossy=0.0) for _ in range(2)]
    ceiling = any_look(dice, style.patterns, glossy=0.0)
    pipes, rail = dice.random() < 0.6, dice.random() < 0.5
    metal = any_look(dice, style.patterns, glossy=1.0)
    half, high = style.half_m, style.high_m
    bodies = []
    sections = math.ceil((BACK_M + last + AHEAD_M) / SECTION_M)
    for section in range(sections):
        (x0, z0, _), (x1, z1, _) = (line.beside(-BACK_M + (section + end) * SECTION_M, 0.0) for end in (0, 1))
        long, yaw = math.hypot(x1 - x0, z1 - z0) / 2 + 0.12, math.atan2(x1 - x0, z1 - z0)
        side_walls = [box((s * half - 0.1, -high, -long), (s * half + 0.1, 0.0, long), walls[s > 0]) for s in (-1, 1)]
        solids: list[Solid] = [*side_walls, box((-half, -high - 0.1, -long), (half, -high, long), ceiling)]
        solids += style.fittings(dice)
        if pipes:
            solids.append(cylinder((0.75 * half, -high + 0.2, 0.0), 0.07, 2 * long, metal, axis=2))
            solids.append(cylinder((0.6 * half, -high + 0.16, 0.0), 0.03, 2 * long, metal, axis=2))
        if rail:
            solids.append(cylinder((-half + 0.17, -0.95, 0.0), 0.025, 2 * long, metal, axis=2))
        bodies.append(standing(solids, ((x0 + x1) / 2, 0.0, (z0 + z1) / 2, yaw, 0.0)))
    for end in (-BACK_M, -BACK_M + sections * SECTION_M):
        x, z, yaw = line.beside(end, 0.0)
        bodies.append(standing((box((-half, -high, -0.1), (half, 0.0, 0.1), walls[0]),), (x, 0.0, z, yaw, 0.0)))
    return bodies


@dataclass(frozen=True)
class _Style:
    """What a corridor is furnished with.

    Attributes:
        patterns: of walls and things.
        half_m: half its width.
        high_m: its height.
    """

    patterns: tuple[Material, ...]
    half_m: float
    high_m: float

    def fittings(self, dice: random.Random) -> list[Solid]:
        """Doors, pictures, pilasters and lamps of a section."""
        solids: list[Solid] = []
        for side in (-1, 1):
            x, at = side * (self.half_m - 0.1), dice.uniform(-0.7, 0.7)
            kind = dice.choice(("door", "door", "picture", "picture", "pilaster", "niche", "none"))
            if kind == "door":
                look = Look(Wood(0.5), any_color(dice, 0.2, 0.7, strong=0.4), phase=any_phase(dice), gloss=0.2)
                solids.append(box((x - 0.05, -2.05, at - 0.45), (x + 0.05, 0.0, at + 0.45), look))
            elif kind == "picture":
                half, low = dice.uniform(0.25, 0.6), dice.uniform(0.9, 1.3)
                look = Look(Printed(0.2), any_color(dice), any_color(dice), any_phase(dice))
                solids.append(box((x - 0.03, -low - 1.2 * half, at - half), (x + 0.03, -low, at + half), look))
            elif kind == "pilaster":
                look = any_look(dice, self.patterns)
                solids.append(box((x - 0.18, -self.high_m, at - 0.2), (x + 0.18, 0.0, at + 0.2), look))
            elif kind == "niche":
                look = Look(Books(), (0.35, 0.30, 0.26), (0.4, 0.3, 0.2), any_phase(dice))
                solids.append(box((x - 0.16, -1.7, at - 0.6), (x + 0.16, 0.0, at + 0.6), look))
        if dice.random() < 0.5:
            lamp = Look(Printed(0.15), (0.95, 0.94, 0.9), (0.85, 0.84, 0.8))
            solids.append(box((-0.25, -self.high_m - 0.02, -0.6), (0.25, -self.high_m + 0.06, 0.6), lamp))
        return solids

    def furniture(self, dice: random.Random) -> Prop:
        """Something along the walls."""
        look = any_look(dice, self.patterns)
        share = dice.random()
        if share < 0.25:
            return chair(dice, look)
        if share < 0.4:
            return table(dice, look)
        return drum(dice, look) if share < 0.65 else crate(dice, look, smallest=0.25, largest=0.6)

    def small(self, dice: random.Random) -> Prop:
        """Something small, anywhere."""
        return crate(dice, any_look(dice, self.patterns), smallest=0.12, largest=0.3)

    def mover(self, dice: random.Random) -> Prop:
        """Somebody, a cart, or a tumbling ball or box."""
        share = dice.random()
        if share < 0.4:
            return figure(dice, any_look(dice, self.patterns, glossy=0.0), any_look(dice, self.patterns, glossy=0.0))
        if share < 0.65:
            wheels, load = any_look(dice, self.patterns), any_look(dice, self.patterns)
            return Prop(
                (
                    box((-0.25, -0.3, -0.4), (0.25, -0.2, 0.4), wheels),
                    box((-0.2, -dice.uniform(0.5, 0.9), -0.3), (0.2, -0.3, 0.3), load),
                    *(cylinder((0.0, -0.1, at), 0.1, 0.52, wheels, axis=0) for at in (-0.3, 0.3)),
                    box((-0.25, -0.95, -0.42), (0.25, -0.9, -0.38), wheels),
                    *(box((x - 0.02, -0.95, -0.42), (x + 0.02, -0.3, -0.38), wheels) for x in (-0.22, 0.22)),
                ),
                0.5,
            )
        size, look = dice.uniform(0.12, 0.3), any_look(dice, self.patterns)
        shape = (
            box((-size, -0.7 * size, -size), (size, 0.7 * size, 0.8 * size), look)
            if dice.random() < 0.5
            else ellipsoid((0.0, 0.0, 0.0), (size, 0.8 * size, size), look)
        )
        return Prop((shape,), 1.5 * size, 1.5 * size, tumbles=True)
