"""One statement for many rows, without SQLAlchemy's look at each of them."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import Insert, Update


class _Parameter(NamedTuple):
    name: str
    convert: Callable[[Any], Any] | None


class _Compiled(NamedTuple):
    sql: str
    parameters: Sequence[_Parameter]
    is_positional: bool


class Bulk:
    """An INSERT or UPDATE that every message passes, compiled once for each kind of database.

    SQLAlchemy's own executemany gathers and converts each row's parameters one by one; at thousands of messages a
    second that is a good part of all there is to do. Here each column is converted at a stroke, by SQLAlchemy's types.

    Args:
        statement: With nothing but bound parameters for values.
        names: Of the columns of an INSERT; an UPDATE has its own.
    """

    def __init__(self, statement: Insert | Update, names: Sequence[str] | None = None) -> None:
        self._statement: Final = statement
        self._names: Final = names
        self._compiled: Final[dict[str, _Compiled]] = {}

    def run(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each row, in their order, in the session's transaction. Each row has all parameters."""
        connection = session.connection()
        sql, parameters, is_positional = self._for(connection.dialect)
        columns: list[list[Any]] = []
        for name, convert in parameters:
            column = list(map(itemgetter(name), rows))
            columns.append(column if convert is None else list(map(convert, column)))
        tuples = list(zip(*columns, strict=True))
        if is_positional:
            connection.exec_driver_sql(sql, tuples)
        else:
            names = [name for name, _ in parameters]
            connection.exec_driver_sql(sql, [dict(zip(names, row, strict=True)) for row in tuples])

    def _for(self, dialect: Dialect) -> _Compiled:
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled: Any = self._statement.compile(
                dialect=dialect, column_keys=None if self._names is None else list(self._names)
            )
            parameters = [
                _Parameter(name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
                for name in compiled.positiontup or compiled.binds
            ]
            known = self._compiled[dialect.name] = _Compiled(str(compiled), parameters, bool(compiled.positiontup))
        return known
