"""The user: a member of a clinic's staff. Patients have no user and no password."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

SESSION_SALT = "apps.accounts.models.User.session"


class UserManager(BaseUserManager["User"]):
    """Make users whose e-mail address is kept in lower case."""

    def create_user(self, *, email: str, full_name: str, password: str | None = None) -> "User":
        """Return a saved user; without a password they can sign in only by another way."""
        user = self.model(email=email.strip().lower(), full_name=full_name)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail address, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person on the staff of one or more clinics."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    full_name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    session_epoch = models.PositiveIntegerField(
        default=0, help_text="Part of every session's key: one more ends all of them at once."
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    def get_full_name(self) -> str:
        """Return the name shown on every page and in every record."""
        return self.full_name

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        # Django compares this with what the session holds on every request.
        text = f"{self.password} {self.session_epoch}"
        return salted_hmac(SESSION_SALT, text, secret=secret, algorithm="sha256").hexdigest()
