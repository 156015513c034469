"""The ledger's schema, as the steps that led to it. Append only: a step that was released stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

__all__ = ["STEPS"]

Step: TypeAlias = Sequence[str]

STEPS: tuple[Step, ...] = (
    # 1: what was delivered, and the takes it was chosen from
    (
        """
        CREATE TABLE deliveries (
            id INTEGER PRIMARY KEY,
            sha256 TEXT NOT NULL,
            recipe_digest TEXT NOT NULL,
            recipe TEXT NOT NULL,
            path TEXT NOT NULL,
            delivered_at TEXT NOT NULL
        )
        """,
        "CREATE INDEX deliveries_by_sha256 ON deliveries (sha256)",
        "CREATE INDEX deliveries_by_recipe ON deliveries (recipe_digest)",
        """
        CREATE TABLE takes (
            id INTEGER PRIMARY KEY,
            delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
            segment INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            kept INTEGER NOT NULL,
            reasons TEXT NOT NULL,
            marks TEXT NOT NULL
        )
        """,
        "CREATE INDEX takes_by_delivery ON takes (delivery_id)",
    ),
    # 2: which template told a delivery, what people said of it, and settings that were chosen
    (
        "ALTER TABLE deliveries ADD COLUMN model TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE deliveries ADD COLUMN template TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE deliveries ADD COLUMN variant TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE deliveries ADD COLUMN product TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX deliveries_by_template ON deliveries (template, product)",
        """
        CREATE TABLE reviews (
            id INTEGER PRIMARY KEY,
            delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
            approved INTEGER NOT NULL,
            reviewer TEXT NOT NULL,
            note TEXT NOT NULL,
            reviewed_at TEXT NOT NULL
        )
        """,
        "CREATE INDEX reviews_by_delivery ON reviews (delivery_id)",
        """
        CREATE TABLE settings (
            template TEXT NOT NULL,
            product TEXT NOT NULL,
            model TEXT NOT NULL,
            setting TEXT NOT NULL,
            chosen_at TEXT NOT NULL,
            PRIMARY KEY (template, product, model)
        )
        """,
    ),
)
"""Step N brings a ledger from version N-1 to version N (`PRAGMA user_version`)."""
