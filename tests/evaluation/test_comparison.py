from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

from napari_sam2.evaluation import (
    Comparison,
    Evaluation,
    Interaction,
    run_baseline,
    save_comparison,
    score_labels,
)
from napari_sam2.evaluation.chart import Line, line_chart
from napari_sam2.evaluation.gallery import worst_cases
from napari_sam2.evaluation.interactive import Session, run_online
from napari_sam2.evaluation.outlines import colour_of
from napari_sam2.evaluation.results import Outcome, curve_of
from napari_sam2.evaluation.scores import Trace
from napari_sam2.evaluation.simulated_user import SimulatedUser
from napari_sam2.io import open_movie


def shares(picture, colour):
    difference = np.asarray(picture.convert("RGB"), float) - colour
    return float((np.linalg.norm(difference, axis=-1) < 60).mean())


@pytest.fixture
def case(case_of, moving_square):
    moving_square[:, 40:46, 4:10] = 7
    return case_of(moving_square)


@pytest.fixture
def online(case, moving_square, scripted_tracker):
    """Two objects followed by a tracker that copies: one moves, one stays."""
    outcomes = []
    for target in case.targets:
        object_id = target.object_id

        class Tracker(scripted_tracker):
            def propagate(self, *arguments, object_id=object_id, **options):
                return super().propagate(*arguments, object_id=object_id, **options)

        tracker = Tracker(moving_square, lambda truth, _: truth)
        session = Session(
            SimulatedUser(tracker, case.truth), Trace(target, case.truth), Interaction()
        )
        run_online(session)
        spent = session.curve[-1]
        score = session.trace.score(clicks=spent.clicks, seconds=spent.seconds, curve=session.curve)
        outcomes.append(Outcome(score, session.trace))
    return Evaluation("online", tuple(outcomes), 8)


def test_objects_that_are_done_keep_their_values_in_the_curve(online):
    moving, still = online.scores
    assert (len(moving.curve), len(still.curve)) == (6, 1)
    curve = online.curve
    assert [point.prompted_frames for point in curve] == list(range(1, 9))
    assert curve[0].clicks == 2
    assert curve[-1].clicks == moving.clicks + 1 == online.means.clicks
    assert curve[2].j == pytest.approx((moving.curve[2].j + 1.0) / 2)
    assert online.mean_jf == pytest.approx(np.mean([(p.j + p.f) / 2 for p in curve]))
    assert curve_of(run_only(online), 8) == ()


def run_only(evaluation):
    """Scores of a protocol without corrections."""
    return [outcome.trace.score(clicks=1) for outcome in evaluation.outcomes]


def test_sizes_are_told_apart(online):
    groups = dict(online.by_size)
    assert groups.keys() == {"below 12 px", "12 to 24 px"}
    assert groups["below 12 px"].j == 1.0
    assert sum(means.objects for means in groups.values()) == 2


def test_the_means_are_those_of_the_list(online, case):
    facts = Comparison(online, (run_baseline(case, "copy"),)).as_dict()
    listed = facts["per_object"]
    assert facts["J"] == pytest.approx(np.mean([each["j"] for each in listed]))
    assert facts["JF"] == pytest.approx((facts["J"] + facts["F"]) / 2)
    assert facts["clicks"] == sum(each["clicks"] for each in listed)
    assert facts["curve"][0]["corrected_frames"] == 0
    (baseline,) = facts["baselines"]
    assert baseline["baseline"] == "copy"
    assert baseline["J"] < facts["J"]


def test_tables_and_pictures_are_written(online, case, tmp_path):
    comparison = Comparison(online, (run_baseline(case, "copy"), run_baseline(case, "threshold")))
    written = save_comparison(comparison, case, tmp_path / "report", title="test")
    names = {path.name for path in written}
    assert names == {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {
        "objects.csv",
        "frames.csv",
        "curve.csv",
        "curve.png",
        "over_time.png",
        "worst.png",
    }
    with (tmp_path / "report" / "objects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["object_id"]) for row in rows[:3]] == [
        ("online", "1"),
        ("online", "7"),
        ("copy", "1"),
    ]
    assert float(rows[1]["J"]) == 1.0
    with (tmp_path / "report" / "frames.csv").open() as file:
        frames = list(csv.DictReader(file))
    assert len(frames) == 3 * 2 * 12
    with (tmp_path / "report" / "curve.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 8
    with Image.open(tmp_path / "report" / "curve.png") as picture:
        assert picture.size == (1000, 620)


def test_stills_have_no_picture_over_time(case_of, moving_square, tmp_path):
    case = case_of(moving_square[:2], stills=True)
    evaluation = score_labels(case, open_movie(moving_square[:2], axes="TYX", intensity=(0, 1)))
    written = save_comparison(Comparison(evaluation), case, tmp_path, title="stills")
    assert {path.name for path in written} == {"objects.csv", "frames.csv", "worst.png"}


def test_the_worst_object_comes_first_with_both_outlines(case):
    evaluation = run_baseline(case, "copy")
    sheet = worst_cases(evaluation.outcomes, case.movie, title="copy", rows=1)
    assert sheet.height == 84 + 24 + 250
    # The moving square ends beside its copy: both outlines are seen, apart from each other.
    last = sheet.crop((24 + 258, 84, sheet.width - 24, 84 + 250))
    assert shares(last, colour_of(4)) > 0.003
    assert shares(last, colour_of(1)) > 0.001


def test_an_object_that_is_nowhere_is_drawn_too(case_of, moving_square):
    case = case_of(moving_square)
    moving_square_gone = np.zeros_like(moving_square)
    evaluation = score_labels(case, open_movie(moving_square_gone, axes="TYX", intensity=(0, 1)))
    assert evaluation.means.j == 0.0
    worst_cases(evaluation.outcomes, case.movie, title="nothing")


def test_a_line_goes_where_its_values_are():
    lines = [Line("flat", ((0, 0.5), (10, 0.5)), 1), Line("other", ((0, 1.0), (10, 1.0)), 2, True)]
    picture = line_chart(lines, title="t", x_label="x", y_label="y")
    colour = np.asarray(picture, float) - colour_of(1)
    rows = np.flatnonzero((np.linalg.norm(colour, axis=-1) < 30)[:, 100:700].any(axis=1))
    middle = 92 + (620 - 92 - 74) / 2
    assert abs(rows.mean() - middle) < 2
    assert shares(picture, colour_of(2)) > 0.0005
    line_chart([Line("one point", ((3, 0.2),), 1)], title="t", x_label="x", y_label="y")


def test_labels_of_other_frames_are_refused(case_of, moving_square):
    with pytest.raises(ValueError, match=r"expected labels of 12 frames .* to score, got 5 frames"):
        score_labels(
            case_of(moving_square), open_movie(moving_square[:5], axes="TYX", intensity=(0, 1))
        )


def test_labels_that_are_true_score_one(case_of, moving_square):
    case = case_of(moving_square)
    found = score_labels(case, open_movie(moving_square, axes="TYX", intensity=(0, 1)))
    assert (found.means.j, found.means.f) == (1.0, 1.0)
