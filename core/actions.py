"""The closed vocabulary of `event.action`: what a person did, whatever the system called it."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    VIEW = "view"
    SEARCH = "search"
    EXPORT = "export"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    CREATE = "create"
    MODIFY = "modify"
    RENAME = "rename"
    MOVE = "move"
    COPY = "copy"
    DELETE = "delete"
    RESTORE = "restore"
    SHARE = "share"
    SEND = "send"
    FORWARD_RULE = "forward_rule"
    PRINT = "print"
    COPY_TO_REMOVABLE = "copy_to_removable"
    DEVICE_CONNECT = "device_connect"
    TRANSFER_OWNERSHIP = "transfer_ownership"
    PERMISSION_CHANGE = "permission_change"
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    ACCOUNT_CHANGE = "account_change"
    APPROVE = "approve"
    OTHER = "other"


ACTIONS = frozenset(action.value for action in Action)
WORDLESS = frozenset(
    action.value
    for action in (
        Action.EXPORT,
        Action.DOWNLOAD,
        Action.UPLOAD,
        Action.RENAME,
        Action.PRINT,
        Action.COPY_TO_REMOVABLE,
        Action.DEVICE_CONNECT,
        Action.TRANSFER_OWNERSHIP,
        Action.PERMISSION_CHANGE,
        Action.LOGIN,
        Action.LOGIN_FAILED,
        Action.LOGOUT,
        Action.ACCOUNT_CHANGE,
    )
)
"""What is done to files, devices and accounts, never to a mail or a message in a chat."""
