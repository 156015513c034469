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
    # 3: the queue: orders, their segments, what became of them, and what happened in each shift
    (
        """
        CREATE TABLE orders (
            id TEXT PRIMARY KEY,
            source TEXT NOT NULL,
            created_at TEXT NOT NULL,
            deadline TEXT
        )
        """,
        """
        CREATE TABLE segments (
            id TEXT PRIMARY KEY,
            order_id TEXT NOT NULL REFERENCES orders (id),
            state TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'running', 'delivered', 'parked', 'cancelled')),
            wanted TEXT NOT NULL DEFAULT '' CHECK (wanted IN ('', 'cancel')),
            priority INTEGER NOT NULL,
            position REAL NOT NULL,
            deadline TEXT,
            product TEXT NOT NULL,
            template TEXT NOT NULL,
            work TEXT NOT NULL,
            movie TEXT NOT NULL,
            executor TEXT NOT NULL DEFAULT '',
            phase TEXT NOT NULL DEFAULT '',
            runs INTEGER NOT NULL DEFAULT 0,
            failures TEXT NOT NULL DEFAULT '[]',
            model TEXT NOT NULL DEFAULT '',
            because TEXT NOT NULL DEFAULT '',
            reason TEXT NOT NULL DEFAULT '',
            kept TEXT NOT NULL DEFAULT '',
            sha256 TEXT NOT NULL DEFAULT '',
            estimate REAL NOT NULL DEFAULT 0,
            queued_at TEXT NOT NULL,
            started_at TEXT,
            ended_at TEXT
        )
        """,
        "CREATE INDEX segments_in_line"
        " ON segments (state, priority, coalesce(deadline, '9999'), position)",
        "CREATE INDEX segments_by_order ON segments (order_id, position)",
        "CREATE INDEX segments_by_end ON segments (ended_at)",
        "CREATE UNIQUE INDEX segments_by_movie ON segments (movie)",
        """
        CREATE TABLE takes_3 (
            id INTEGER PRIMARY KEY,
            delivery_id INTEGER REFERENCES deliveries (id) ON DELETE CASCADE,
            segment_id TEXT REFERENCES segments (id),
            segment INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            kept INTEGER NOT NULL,
            reasons TEXT NOT NULL,
            marks TEXT NOT NULL,
            made_at TEXT NOT NULL DEFAULT ''
        )
        """,
        "INSERT INTO takes_3"
        " (id, delivery_id, segment, attempt, seed, sha256, kept, reasons, marks)"
        " SELECT id, delivery_id, segment, attempt, seed, sha256, kept, reasons, marks FROM takes",
        "DROP TABLE takes",
        "ALTER TABLE takes_3 RENAME TO takes",
        "CREATE INDEX takes_by_delivery ON takes (delivery_id)",
        "CREATE INDEX takes_by_segment ON takes (segment_id)",
        "ALTER TABLE deliveries ADD COLUMN segment_id TEXT REFERENCES segments (id)",
        "CREATE UNIQUE INDEX deliveries_by_segment ON deliveries (segment_id)"
        " WHERE segment_id IS NOT NULL",
        """
        CREATE TABLE phases (
            segment_id TEXT NOT NULL REFERENCES segments (id),
            phase TEXT NOT NULL,
            seconds REAL NOT NULL,
            PRIMARY KEY (segment_id, phase)
        )
        """,
        """
        CREATE TABLE shifts (
            id INTEGER PRIMARY KEY,
            executor TEXT NOT NULL,
            started_at TEXT NOT NULL,
            seen_at TEXT NOT NULL,
            ended_at TEXT,
            why TEXT NOT NULL DEFAULT ''
        )
        """,
        """
        CREATE TABLE shift_log (
            id INTEGER PRIMARY KEY,
            shift_id INTEGER REFERENCES shifts (id),
            segment_id TEXT REFERENCES segments (id),
            kind TEXT NOT NULL,
            said TEXT NOT NULL,
            at TEXT NOT NULL,
            until TEXT
        )
        """,
        "CREATE INDEX shift_log_by_time ON shift_log (at)",
        "CREATE TABLE switches (name TEXT PRIMARY KEY, value TEXT NOT NULL, at TEXT NOT NULL)",
    ),
    # 4: needs that ran out of a GPU's memory
    (
        """
        CREATE TABLE ran_out (
            gpu TEXT NOT NULL,
            model TEXT NOT NULL,
            need INTEGER NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (gpu, model)
        )
        """,
    ),
    # 5: reels that are joined of clips of the queue, and which words a delivered reel came from
    (
        "ALTER TABLE segments ADD COLUMN kind TEXT NOT NULL DEFAULT 'clip'",
        "ALTER TABLE segments ADD COLUMN reel_id TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX segments_by_reel ON segments (reel_id, state) WHERE reel_id <> ''",
        "ALTER TABLE deliveries ADD COLUMN storyboard TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE deliveries ADD COLUMN templates TEXT NOT NULL DEFAULT ''",
    ),
    # 6: what the GPUs of a shift have drawn
    ("ALTER TABLE shifts ADD COLUMN joules REAL",),
)
"""Step N brings a ledger from version N-1 to version N (`PRAGMA user_version`)."""
