"""Who a password or a session belongs to."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef

from .models import SECOND_FACTORS, User


class Backend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """Somebody switched off is nobody: the right password tells no more than a wrong one."""

    def authenticate(self, request: Any, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        self.unstash_authenticated_user()
        return user

    def get_user(self, user_id: Any) -> User | None:
        """Together with whether there is a second factor, which every request asks for."""
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=SECOND_FACTORS)
        known = User.everybody.filter(is_active=True).annotate(has_factor=Exists(factors))
        user = known.filter(pk=user_id).first()
        if user:
            user.has_second_factor = user.has_factor
        return user
