"""Sign-ins that are listed and rotate, tokens used once, limits, what a test tried and whether it arrived, seals.

Who is signed in signs in again: of the sign-ins there were, nobody knows when their person last proved who they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("sign_ins")
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("must_rotate", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("network", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_ins_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_sign_ins_previous_hash")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_ins_token_hash")),
    )
    op.create_index(op.f("ix_sign_ins_user_id"), "sign_ins", ["user_id"])
    op.create_index(op.f("ix_sign_ins_seen_at"), "sign_ins", ["seen_at"])
    op.create_table(
        "one_time_tokens",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_tokens_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_one_time_tokens")),
    )
    op.create_index(op.f("ix_one_time_tokens_user_id"), "one_time_tokens", ["user_id"])
    op.create_index(op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"])
    op.create_table(
        "token_buckets",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_token_buckets")),
    )
    op.create_index(op.f("ix_token_buckets_full_at"), "token_buckets", ["full_at"])
    op.add_column("messages", sa.Column("because", sa.String(length=20), nullable=True))
    for name, column, condition in (
        ("ix_audit_log_people", "actor", sa.text("actor != 'worker'")),
        ("ix_audit_log_networks", "network", sa.text("network IS NOT NULL")),
    ):
        columns = ["tenant_id", column, "id"]
        op.create_index(name, "audit_log", columns, sqlite_where=condition, postgresql_where=condition)
    administrative = sa.text(
        "action != 'email.route_alerted' AND action != 'email.route_recovered' AND action != 'email.route_unhealthy' "
        "AND action != 'email.send_failed' AND action != 'email.sent'"
    )
    op.create_index(
        "ix_audit_log_administrative",
        "audit_log",
        ["id"],
        sqlite_where=administrative,
        postgresql_where=administrative,
    )
    op.create_table(
        "audit_seals",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_seals_previous")),
    )
    with op.batch_alter_table("probes") as probes:
        probes.add_column(sa.Column("settings", sa.JSON(), nullable=False, server_default="{}"))
        probes.add_column(sa.Column("receipt_hash", sa.LargeBinary(length=32), nullable=True))
        probes.add_column(sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
        probes.create_unique_constraint(op.f("uq_probes_receipt_hash"), ["receipt_hash"])
    with op.batch_alter_table("probes") as probes:
        probes.alter_column("settings", server_default=None)
