"""What can be done now, why not, and what to do next: plain functions of plain facts."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sam2.widgets.segment.keys import key_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What the advice depends on.

    Parameters
    ----------
    layers
        Image layers in the viewer.
    model
        Whether a model is loaded.
    session
        Whether a session is open.
    frames
        Length of the session's movie.
    objects
        Objects of the session.
    selected
        Whether one of them is selected, and has prompts.
    reached
        Whether any frame beyond the prompted ones has been reached.
    outdated
        Objects whose corrections have not spread.
    doubtful
        Frames worth a look.
    tracking
        A propagation or an update is under way.
    stopped
        A propagation was stopped and can go on.
    saving
        Labels are being written.
    undo, redo
        What undo and redo would do, None for nothing.
    """

    layers: int = 0
    model: bool = False
    session: bool = False
    frames: int = 0
    objects: int = 0
    selected: bool = False
    reached: bool = False
    outdated: int = 0
    doubtful: int = 0
    tracking: bool = False
    stopped: bool = False
    saving: bool = False
    undo: str | None = None
    redo: str | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """Why an action is not possible now; an empty string where it is."""

    start: str
    new_object: str
    prompt: str
    delete: str
    undo: str
    redo: str
    track: str
    stop: str
    update: str
    review: str
    confirm: str
    absent: str
    save_labels: str
    save_prompts: str
    load_prompts: str


_NO_SESSION = "Start a session first: choose an image and press Start."
_NO_OBJECTS = "There are no objects yet: click a cell in the image."
_TRACKING = "Wait until tracking is done, or stop it."
_SAVING = "Wait until the labels are saved, or stop it."


def refusals(facts: Facts) -> Refusals:
    """Say for each action why it is not possible now."""
    session = "" if facts.session else _NO_SESSION
    can_start = _why_no_start(facts)
    objects = session or ("" if facts.objects else _NO_OBJECTS)
    selected = objects or ("" if facts.selected else "Select an object in the list first.")
    return Refusals(
        start=can_start,
        new_object="" if facts.session else can_start,
        prompt=session,
        delete=selected or (_TRACKING if facts.tracking else ""),
        undo=session or ("" if facts.undo else "There is nothing to undo."),
        redo=session or ("" if facts.redo else "There is nothing to do again."),
        track=_why_no_track(facts),
        stop="" if facts.tracking or facts.saving else "Nothing is being tracked.",
        update=_why_no_update(facts),
        review=objects or _why_no_review(facts),
        confirm=selected,
        absent=selected,
        save_labels=objects or (_TRACKING if facts.tracking else _SAVING if facts.saving else ""),
        save_prompts=objects,
        load_prompts=session or (_TRACKING if facts.tracking else ""),
    )


def next_step(facts: Facts) -> str:
    """Tell the next sensible step in one short sentence."""
    if not facts.session:
        return _next_before_start(facts)
    if facts.tracking:
        return f"Look at any frame; {key_of('stop_or_continue')} stops."
    if not facts.objects:
        return "Click a cell in the image."
    if facts.outdated:
        return f"Press {key_of('update')} to carry your corrections on."
    if facts.stopped:
        return f"Stopped. Press {key_of('stop_or_continue')} to continue."
    if not facts.reached and facts.frames > 1:
        return f"Press {key_of('track')} to track, {key_of('new_object')} for another cell."
    if facts.doubtful:
        return f"Press {key_of('next_doubtful')} for the next doubtful frame."
    if facts.frames > 1:
        return f"All is clear: save, or {key_of('new_object')} for another cell."
    return f"Refine, save, or press {key_of('new_object')} for another cell."


def _next_before_start(facts: Facts) -> str:
    if not facts.layers:
        return "Open a movie: drag a file into the window."
    if not facts.model:
        return "Wait until the model is loaded."
    return f"Press Start or {key_of('new_object')}, then click a cell."


def _why_no_start(facts: Facts) -> str:
    if not facts.layers and not facts.session:  # a session can be ended without its image
        return "Open an image first: drag a file into the window, or File > Open Sample."
    if not facts.model and not facts.session:
        return "The model is not loaded yet."
    if facts.saving:
        return _SAVING
    return _TRACKING if facts.tracking else ""


def _why_no_track(facts: Facts) -> str:
    if not facts.session:
        return _NO_SESSION
    if facts.frames < 2:
        return "The image has one frame only: there is nothing to track through."
    if not facts.objects:
        return _NO_OBJECTS
    if facts.saving:
        return _SAVING
    return "Tracking is under way." if facts.tracking else ""


def _why_no_update(facts: Facts) -> str:
    if why := _why_no_track(facts):
        return why
    return "" if facts.outdated else "Nothing is outdated: all corrections have been carried on."


def _why_no_review(facts: Facts) -> str:
    if not facts.reached:
        return "Track the objects first."
    return "" if facts.doubtful else "No doubtful frames."
