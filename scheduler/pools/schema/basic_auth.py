"""The V2 form of users and their passwords."""

from marshmallow import validate

from scheduler.pools.fields import Items, Strict, Text, nested
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.words.users import password_hash, realm, user_name


class BasicAuthUserSchema(Strict):
    MODEL = BasicAuthUser
    name = Text(user_name, required=True)
    password_hash = Text(password_hash, required=True, data_key="passwordHash")


class BasicAuthSchema(Strict):
    MODEL = BasicAuth
    users = Items(
        nested(BasicAuthUserSchema),
        required=True,
        validate=validate.Length(min=1, max=200, error="must have 1 to 200 users"),
    )
    realm = Text(realm)
