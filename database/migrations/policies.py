"""Stored policy versions learn what a later release asks of them.

A version never changes in what it says; a new clock or section is something it did not speak of, so the migration that
brings the need brings the words.
"""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


def add_to_policies(path: Sequence[str], said: Any, **by_name: Any) -> None:
    """Puts `said` at this path of every stored version that has nothing there; `by_name` where a policy differs."""
    put = sa.text(
        "update policy_version set content = jsonb_set(content, cast(:path as text[]), cast(:said as jsonb))"
        " where content #> cast(:path as text[]) is null and (name = :name or :name is null and name <> all(:named))"
    ).bindparams(
        sa.bindparam("path", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("name", type_=sa.Text),
        sa.bindparam("named", type_=sa.ARRAY(sa.Text)),
    )
    for name, words in (*by_name.items(), (None, said)):
        op.execute(put.bindparams(path=[*path], said=json.dumps(words), name=name, named=[*by_name]))
