from __future__ import annotations

import pytest
import torch

from napari_sam2.evaluation.scores import CurvePoint, ObjectScore
from napari_sam2.evaluation.suite import Contestant, EvaluationSet, Suite, check_all, write_page
from napari_sam2.evaluation.suite.figures import by_modality, by_size, interactions
from napari_sam2.evaluation.suite.records import MODEL, VIDEO, ObjectResult, Record
from napari_sam2.evaluation.suite.tasks import SuiteResult

BASELINES = ("copy", "flow", "threshold", "watershed")
ABOVE, AREA, IOU, IOU_1, IOU_3, J, CORRECTED, CLICKS, BEST_1, BEST_MASK, SIZE, SPEED = range(12)


def result_of(j, *, first=0.9, ratio=1.0, area_px=400, curve=()):
    score = ObjectScore(1, 0, 20, j, j, 1, first, j, area_px, 3, 0.1, 2.0, curve)
    return ObjectResult(score, 16, 100, round(100 * ratio))


def points(*values):
    return tuple(CurvePoint(n, j, j, 3 * n, 0.0) for n, j in enumerate(values, start=1))


class Made:
    """A suite whose results are known beforehand."""

    def __init__(self):
        self.result = SuiteResult(Suite("made", ()))
        self.contestant = Contestant(torch.nn.Linear(2, 1), "made", "0" * 64)

    def add(self, name, model, *, baselines=0.5, every=None, **about):
        """Add a set with the results of each protocol."""
        known = {"modality": "phase", "truth": "silver", "left_out": "movie", **about}
        entry = EvaluationSet(name, "a", "b", protocols=tuple(model), **known)
        self.result.suite = Suite("made", (*self.result.suite.sets, entry))
        found = {(protocol, MODEL): objects for protocol, objects in model.items()}
        found |= {(VIDEO, each): [result_of(baselines)] for each in BASELINES}
        if every is not None:
            found[VIDEO, "every frame"] = every
        for (protocol, contender), objects in found.items():
            prompted = len(objects[0].score.curve) or 1
            record = Record(name, protocol, contender, {}, tuple(objects), prompted, 0.0)
            self.result.records.append(record)
        return self

    def check(self, which):
        return check_all(self.result, self.contestant)[which]


@pytest.fixture
def made():
    return Made()


def test_three_left_out_sets_pass_the_first_gate(made):
    for name in ("a", "b"):
        made.add(name, {"click1": [result_of(0.6)]})
    made.add("seen", {"click1": [result_of(0.9)]}, left_out="frames")
    made.add("guess", {"click1": [result_of(0.9)]}, truth="pseudo")
    assert (made.check(ABOVE).value, made.check(ABOVE).passed) == (2, False)
    made.add("drawn", {"click1": [result_of(0.6)]}, synthetic=True)
    assert made.check(ABOVE).passed
    assert "on 3 of 3: a 0.600 (copy 0.500, threshold 0.500, watershed" in made.check(ABOVE).found


def test_a_baseline_that_was_not_scored_is_not_beaten(made):
    made.add("a", {"click1": [result_of(0.6)]})
    made.result.records = [r for r in made.result.records if r.contender != "watershed"]
    assert made.check(ABOVE).value == 0
    assert "watershed not scored" in made.check(ABOVE).found
    assert not made.check(BEST_1).passed


@pytest.mark.parametrize(("ratios", "passed"), [((1.2, 1.2), True), ((0.3, 1.9, 1.9), False)])
def test_areas_have_to_agree_together_and_by_median(made, ratios, passed):
    made.add("a", {"click1": [result_of(0.6, ratio=ratio) for ratio in ratios]})
    assert made.check(AREA).passed is passed
    assert made.check(AREA).value == pytest.approx(ratios[-1])


def test_the_best_set_passes_the_gate_and_the_worst_decides_the_goal(made):
    made.add("a", {"click1": [result_of(0.6, first=0.76)]})
    made.add("b", {"image-click1": [result_of(0.6, first=0.4)]})
    made.add("c", {"click1": [result_of(0.6, first=0.1)]}, synthetic=True)
    assert (made.check(IOU).passed, made.check(IOU).value) == (True, 0.76)
    assert (made.check(IOU_1).passed, made.check(IOU_1).value) == (False, 0.4)
    assert made.check(IOU_1).found == "lowest of 2: 0.400 (b, image-click1); mean 0.580"
    assert made.check(J).value == 0.6
    assert made.check(IOU_3).verdict == "not measured"


def test_clicks_are_counted_to_the_point_that_is_as_good(made):
    every = [result_of(0.9, curve=tuple(CurvePoint(n, j, j, 20 * n, 0) for n, j in EVERY))]
    model = {"online": [result_of(0.9, curve=points(0.7, 0.8, 0.9))]}
    made.add("a", model, every=every)
    one, three = interactions(made.result)
    assert (one.goal_clicks, one.clicks, one.times_fewer) == (20, 6, pytest.approx(20 / 6))
    assert (three.goal_clicks, three.clicks) == (60, 9)
    assert made.check(CLICKS).value == pytest.approx(60 / 9)
    assert made.check(CLICKS).passed
    assert (made.check(CORRECTED).value, made.check(CORRECTED).passed) == (0.9, True)


EVERY = ((1, 0.75), (2, 0.8), (3, 0.85))


def test_a_goal_that_is_not_reached_fails(made):
    every = [result_of(0.9, curve=tuple(CurvePoint(n, j, j, 20 * n, 0) for n, j in EVERY))]
    made.add("a", {"online": [result_of(0.9, curve=points(0.7, 0.8))]}, every=every)
    assert made.check(CLICKS).passed is False
    assert made.check(CLICKS).found == "a, online: not reached, J&F 0.800 of 0.850"
    assert "| not reached (0.800) | - |" in write_page(made.result, made.contestant)


def test_every_set_has_to_beat_every_baseline(made):
    made.add("a", {"click1": [result_of(0.6)], "mask": [result_of(0.7)]}, left_out="frames")
    assert made.check(BEST_1).passed
    made.add("b", {"click1": [result_of(0.6)], "mask": [result_of(0.7)]}, baselines=0.65)
    assert not made.check(BEST_1).passed
    assert made.check(BEST_1).found.startswith("on 1 of 2; not on b 0.600 (copy 0.650")
    assert made.check(BEST_MASK).passed


def test_what_is_not_measured_says_so(made):
    assert [check.verdict for check in check_all(made.result, made.contestant)] == [
        *("FAIL", "not measured", "not measured"),
        *["not measured"] * 7,
        "pass",
        "not measured",
    ]
    assert made.check(SIZE).value == 3
    assert "napari-sam2 benchmark" in made.check(SPEED).found


def test_a_set_that_failed_keeps_a_goal_from_passing(made):
    model = {"click1": [result_of(0.9)], "online": [result_of(0.9, curve=points(0.7, 0.8))]}
    made.add("a", {"click1": [result_of(0.9)]}).add("b", model)
    assert made.check(J).passed
    assert made.check(CORRECTED).found == "not scored: b online"  # one corrected frame only
    gone = [record for record in made.result.records if record.set_name == "b"]
    made.result.records = [record for record in made.result.records if record not in gone]
    for which in (J, IOU_1, AREA, BEST_1):
        assert made.check(which).passed is None
        assert made.check(which).found.endswith("; not scored: b click1")
    assert made.check(CLICKS).found == "not scored: b online"
    assert made.check(IOU).passed


def test_modalities_and_sizes_pool_the_objects(made):
    made.add("a", {"mask": [result_of(0.6, area_px=100)]})
    made.add("b", {"mask": [result_of(0.8, area_px=9000)]})
    made.add("c", {"click1": [result_of(0.1)]}, modality="DIC")
    phase, dic = by_modality(made.result)
    assert (phase.group, phase.model.objects, phase.model.j) == ("phase", 2, pytest.approx(0.7))
    assert (dic.group, dic.protocol, dic.baselines["copy"].j) == ("DIC", "click1", 0.5)
    sizes = [(line.group, line.protocol) for line in by_size(made.result)]
    assert sizes == [("below 12 px", "mask"), ("12 to 24 px", "click1"), ("96 px and more", "mask")]
