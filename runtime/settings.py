"""Everything a deployment may set: environment with the prefix HUANJIAN_, `.env`, or flags."""

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = "127.0.0.1"


def postgres_password_file(home: Path) -> Path:
    """Where the standalone PostgreSQL of this home folder has its password."""
    return home / "postgres.password"


def mail_key_file(home: Path) -> Path:
    """Where the standalone system of this home folder has the key that signs reply addresses."""
    return home / "mail.key"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HUANJIAN_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(Path("var"), description="Folder for the data of a standalone system.")
    host: str = Field(LOOPBACK, description="Address the API listens on; other local servers stay on loopback.")
    api_port: int = 8080
    postgres_port: int = 54320
    temporal_port: int = 7233
    temporal_ui_port: int = 8233
    carrier_port: int = 8090
    mail_port: int = Field(8025, description="SMTP of the mail test server, which shows what it took.")
    mail_page_port: int = Field(8026, description="The page on which it does.")
    metrics_port: int = Field(9464, description="The worker's Prometheus metrics; 0 switches them off.")

    database_url: SecretStr | None = Field(
        None,
        description="postgresql+asyncpg://…; without it the standalone PostgreSQL of `home` and `postgres_port`.",
    )
    temporal_address: str | None = Field(None, description="host:port; without it the standalone server's.")
    temporal_ui_url: str | None = Field(None, description="Where people open Temporal's UI.")
    temporal_namespace: str = "default"
    task_queue: str = "huanjian"
    public_url: str | None = Field(None, description="Address under which customers and carriers reach the API.")

    mail_address: str = Field(
        "service@huanjian.example", description="Our mailbox: mails come from it, answers go there."
    )
    mail_name: str = Field("换件服务 Huanjian", description="The name that mails come from.")
    mail_key: SecretStr | None = Field(
        None, description="Signs the addresses that answers go to; without it the standalone system's own of `home`."
    )

    smtp_host: str | None = Field(
        None, description="Server that mails are sent by; without it the mail test server of `mail_port`."
    )
    smtp_port: int = Field(587, description="Its port.")
    smtp_user: str | None = Field(None, description="Our user there, if it wants a log-in.")
    smtp_password: SecretStr | None = Field(None, description="That user's password.")
    smtp_encryption: Literal["tls", "starttls", "none"] = Field("starttls", description="How the way to it is kept.")
    sms_url: str = Field("https://apisms.kuaidi100.com", description="Where Kuaidi100 takes SMS.")
    sms_user: str | None = Field(
        None,
        description="Account with Kuaidi100's SMS; without it only a standalone system sends SMS, to the test server.",
    )
    sms_key: SecretStr | None = Field(None, description="That account's key.")
    sms_seller: str = Field("换件", max_length=5, description="Signature before every SMS, as registered there.")

    mailbox_host: str | None = Field(
        None, description="IMAP server of the mailbox that customers write to; without it no mail is read."
    )
    mailbox_port: int = Field(993, description="Its port.")
    mailbox_user: str | None = Field(None, description="Who logs in there.")
    mailbox_password: SecretStr | None = Field(None, description="The password to it.")
    mailbox_folder: str = Field("INBOX", description="The folder that mails come into; in its own letters.")
    mailbox_encryption: Literal["tls", "starttls", "none"] = "tls"
    mailbox_seconds: float = Field(30, gt=0, description="How long the mailbox rests between two looks, in seconds.")

    policy: str = Field("standard", description="Name of the policy whose newest version new orders pin.")
    other_policies: frozenset[str] = Field(
        frozenset({"demo"}), description="Policies that an application may name instead, for demonstrations and tests."
    )
    time_zone: str = Field("Asia/Shanghai", description="Zone in which pages show instants.")
    session_hours: int = Field(12, description="How long a log-in lasts, in hours.")

    applications_per_hour: int = Field(20, ge=1, description="How many applications one address may send in an hour.")
    photos_per_hour: int = Field(200, ge=1, description="How many photos one address may send in an hour.")

    database_connections: int = Field(20, ge=2, description="Connection pool of one process.")
    activity_slots: int = Field(12, ge=1, description="Activities one worker runs at once.")
    local_activity_slots: int = Field(8, ge=1, description="Commits inside updates one worker runs at once.")
    workflow_slots: int = Field(6, ge=2, description="Workflow tasks one worker runs at once.")
    cached_workflows: int = Field(1000, ge=0, description="Workflows one worker keeps in memory.")
    watch_seconds: float = Field(1, gt=0, description="How long a watcher with nothing due rests, in seconds.")
    sweep_minutes: int = Field(10, ge=1, description="How often rows and workflows are compared, in minutes.")
    due_minutes: int = Field(60, ge=1, description="How often the warehouses' due work is begun, in minutes.")
    levels_hours: int = Field(24, ge=1, description="How often stock levels are looked at, in hours.")
    grace_seconds: int = Field(20, ge=0, description="How long running activities may take after SIGTERM.")

    log_format: Literal["json", "text"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @cached_property
    def database(self) -> str:
        """Where PostgreSQL is, as SQLAlchemy wants it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        password = postgres_password_file(self.home).read_text()
        return f"postgresql+asyncpg://huanjian:{password}@{LOOPBACK}:{self.postgres_port}/huanjian"

    @cached_property
    def reply_key(self) -> bytes:
        """What the addresses that answers go to are signed with."""
        if self.mail_key is not None:
            return self.mail_key.get_secret_value().encode()
        return mail_key_file(self.home).read_bytes()

    @cached_property
    def smtp(self) -> tuple[str, int]:
        """Where mails are handed in: host and port."""
        return (self.smtp_host, self.smtp_port) if self.smtp_host else (LOOPBACK, self.mail_port)

    @cached_property
    def temporal(self) -> str:
        """Where Temporal's front end is, host:port."""
        return self.temporal_address or f"{LOOPBACK}:{self.temporal_port}"

    @cached_property
    def temporal_ui(self) -> str:
        return self.temporal_ui_url or f"http://{LOOPBACK}:{self.temporal_ui_port}"

    @cached_property
    def api_url(self) -> str:
        return self.public_url or f"http://{self.host}:{self.api_port}"
