"""The tables of the log, and which version of :mod:`consent.log.schema` they are."""

from typing import Any

from django.db import migrations, models

import consent.django.models


def say_version(apps: Any, schema_editor: Any) -> None:
    """As the log's own tables do."""
    apps.get_model("consent", "Schema").objects.using(schema_editor.connection.alias).create(version=2)


class Migration(migrations.Migration):
    initial = True

    operations = [  # noqa: RUF012 - as Django has it
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("ts", models.BigIntegerField()),
                ("note", models.TextField()),
            ],
            options={
                "db_table": "consent_checkpoint",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Head",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("size", models.BigIntegerField()),
                ("frontier", consent.django.models.HexField(max_length=2048)),
            ],
            options={
                "db_table": "consent_head",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("idx", models.BigIntegerField(primary_key=True, serialize=False)),
                ("rid", consent.django.models.HexField(max_length=16, unique=True)),
                ("hash", consent.django.models.HexField(max_length=32)),
            ],
            options={
                "db_table": "consent_leaf",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("sha256", consent.django.models.HexField(max_length=32, primary_key=True, serialize=False)),
                ("media_type", models.CharField(max_length=100)),
                ("content", models.BinaryField()),
            ],
            options={
                "db_table": "consent_notice",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Pending",
            fields=[
                ("rid", consent.django.models.HexField(max_length=16, primary_key=True, serialize=False)),
                ("bad", models.TextField(null=True)),
            ],
            options={
                "db_table": "consent_pending",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Schema",
            fields=[
                ("version", models.SmallIntegerField(primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "consent_schema",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Slot",
            fields=[
                ("slot", consent.django.models.HexField(max_length=16, primary_key=True, serialize=False)),
                ("ends", models.BigIntegerField()),
            ],
            options={
                "db_table": "consent_slot",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("size", models.BigIntegerField()),
                ("kind", models.CharField(max_length=16)),
                ("ts", models.BigIntegerField()),
                ("token", models.BinaryField()),
            ],
            options={
                "db_table": "consent_anchor",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("size", "kind", "ts"), name="consent_anchor_place")],
            },
        ),
        migrations.CreateModel(
            name="Node",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("level", models.SmallIntegerField()),
                ("n", models.BigIntegerField()),
                ("hash", consent.django.models.HexField(max_length=32)),
            ],
            options={
                "db_table": "consent_node",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("level", "n"), name="consent_node_place")],
            },
        ),
        migrations.CreateModel(
            name="Record",
            fields=[
                (
                    "rid",
                    consent.django.models.HexField(
                        max_length=16, primary_key=True, serialize=False, verbose_name="record"
                    ),
                ),
                ("ts", models.BigIntegerField(verbose_name="time")),
                ("subj", consent.django.models.HexField(max_length=16, null=True)),
                ("commitment", consent.django.models.HexField(max_length=32)),
                ("mac", consent.django.models.HexField(max_length=32)),
                ("kid", models.SmallIntegerField()),
                ("salt", consent.django.models.HexField(max_length=32, null=True)),
                ("body", models.TextField(null=True)),
            ],
            options={
                "verbose_name": "decision",
                "db_table": "consent_record",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["subj"], name="consent_record_subj"),
                    models.Index(fields=["ts", "rid"], name="consent_record_ts"),
                ],
            },
        ),
        # A router that keeps the tables out of a database keeps this out, too.
        migrations.RunPython(say_version, migrations.RunPython.noop, hints={"model_name": "schema"}),
    ]
