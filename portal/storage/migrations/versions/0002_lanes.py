"""Lanes, workers that hold them, what is known of routes, and contents apart from their messages."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FREE = sa.text("worker IS NULL AND due_at IS NOT NULL")
_HELD = sa.text("worker IS NOT NULL")
_OPEN = sa.text("due_at IS NOT NULL")
_KEYED = sa.text("idempotency_key IS NOT NULL")
_LOOKED_AT = sa.text("look_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("busy", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "route_slots",
        sa.Column("route", sa.String(length=80), nullable=False),
        sa.Column("worker", sa.String(length=16), nullable=False),
        sa.Column("holds", sa.Integer(), nullable=False),
        sa.Column("wants", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["worker"], ["workers.id"], name=op.f("fk_route_slots_worker"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("route", "worker", name=op.f("pk_route_slots")),
    )
    op.create_index(op.f("ix_route_slots_worker"), "route_slots", ["worker"])
    op.create_table(
        "lanes",
        sa.Column("tenant_id", sa.String(length=26), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(length=16), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_lanes_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_lanes")),
    )
    op.create_index("ix_lanes_free", "lanes", ["due_at"], sqlite_where=_FREE, postgresql_where=_FREE)
    op.create_index("ix_lanes_held", "lanes", ["worker", "due_at"], sqlite_where=_HELD, postgresql_where=_HELD)
    op.create_table(
        "platform_use",
        sa.Column("tenant_id", sa.String(length=26), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("own", sa.Integer(), nullable=False),
        sa.Column("fallback", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_platform_use_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "hour", name=op.f("pk_platform_use")),
    )
    op.create_table(
        "route_states",
        sa.Column("route", sa.String(length=80), nullable=False),
        sa.Column("tenant_id", sa.String(length=26), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("health", sa.JSON(), nullable=True),
        sa.Column("pace", sa.JSON(), nullable=True),
        sa.Column("rate", sa.JSON(), nullable=True),
        sa.Column("told", sa.JSON(), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_route_states_tenant_id")),
        sa.PrimaryKeyConstraint("route", name=op.f("pk_route_states")),
    )
    op.create_index(op.f("ix_route_states_tenant_id"), "route_states", ["tenant_id"])
    op.create_index(
        op.f("ix_route_states_look_at"),
        "route_states",
        ["look_at"],
        sqlite_where=_LOOKED_AT,
        postgresql_where=_LOOKED_AT,
    )
    for period in ("second", "minute", "day"):
        op.add_column("email_settings", sa.Column(f"rate_per_{period}", sa.Integer(), nullable=True))
    _part_contents_from_messages()
    op.execute(
        "INSERT INTO lanes (tenant_id, due_at, epoch)"
        " SELECT tenant_id, min(due_at), 0 FROM messages WHERE due_at IS NOT NULL GROUP BY tenant_id"
    )


def _part_contents_from_messages() -> None:
    op.create_table(
        "message_contents",
        sa.Column("message_id", sa.String(length=26), nullable=False),
        sa.Column("tenant_id", sa.String(length=26), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_contents_message_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message_contents")),
    )
    op.execute(
        "INSERT INTO message_contents (message_id, tenant_id, sealed)"
        " SELECT id, tenant_id, content FROM messages WHERE content IS NOT NULL AND due_at IS NOT NULL"
    )
    with op.batch_alter_table("messages") as messages:
        messages.drop_index("ix_messages_due")
        messages.drop_index("ix_messages_tenant_state")
        messages.drop_constraint(op.f("uq_messages_tenant_id_idempotency_key"), type_="unique")
        messages.drop_column("lease_token")
        for name in ("content_bytes", "begun", "interrupted", "tries"):
            messages.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        messages.add_column(sa.Column("worker", sa.String(length=16), nullable=True))
    op.execute("UPDATE messages SET content_bytes = length(content) WHERE content IS NOT NULL")
    op.execute("UPDATE messages SET begun = 1, due_at = send_at WHERE state = 'sending'")
    op.execute("UPDATE messages SET tries = (SELECT count(*) FROM attempts WHERE attempts.message_id = messages.id)")
    with op.batch_alter_table("messages") as messages:
        messages.drop_column("content")
        for name in ("content_bytes", "begun", "interrupted", "tries"):
            messages.alter_column(name, existing_type=sa.Integer(), server_default=None)
    op.create_index(
        "ix_messages_lane",
        "messages",
        ["tenant_id", "priority", "due_at", "id"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_messages_idempotency",
        "messages",
        ["tenant_id", "idempotency_key"],
        unique=True,
        sqlite_where=_KEYED,
        postgresql_where=_KEYED,
    )


def downgrade() -> None:
    # What is waiting would have to fit into a shape that knows neither lanes nor who has begun it.
    raise NotImplementedError("There is no way back from lanes: restore the backup made before the upgrade.")
