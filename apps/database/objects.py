"""Objects of fetched rows, made as Django makes them, without what `Model.__init__` is for.

That one takes arguments, fills in defaults and tells `pre_init` and `post_init`, to which no model
here listens; a fetched row needs none of it.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.query import RelatedPopulator

M = TypeVar("M", bound=Model)


def new_object(model: type[M], names: Sequence[str], values: Sequence[Any]) -> M:
    """Return the object of a stored row; columns that were not fetched are deferred."""
    each = model.__new__(model)
    state = each._state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    each.__dict__.update(zip(names, values, strict=True))
    return each


def attach(related: Sequence[RelatedPopulator], row: Sequence[Any], each: Model) -> None:
    """Give an object the objects of `select_related` that came in its row."""
    for part in related:
        pick = part.reorder_for_init
        values = pick(row) if pick else row[part.cols_start : part.cols_end]
        other = None
        if values[part.pk_idx] is not None:
            other = new_object(part.model_cls, part.init_list, values)
            attach(part.related_populators, row, other)
        part.local_setter(each, other)
        if other is not None:
            part.remote_setter(other, each)


def keep_related(each: Model, name: str, rows: Sequence[Model]) -> None:
    """Let `each.name.all()` be these rows, as `prefetch_related` does."""
    related = getattr(each, name).all()
    related._result_cache, related._prefetch_done = list(rows), True
    each.__dict__.setdefault("_prefetched_objects_cache", {})[name] = related
