"""What people send on Telegram is read: from an update to what was said, in our words."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from bot.core.words import Address, Odd, Position, Said, Tap

PLATFORM = "telegram"

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]+))?(?=\s|$)")
# What we cannot use, by the Bot API's names.
_ODD = {
    "sticker": Odd.STICKER,
    "voice": Odd.VOICE,
    "audio": Odd.VOICE,
    "video": Odd.VIDEO,
    "video_note": Odd.VIDEO,
    "animation": Odd.VIDEO,
    "live_photo": Odd.VIDEO,
    "document": Odd.FILE,
}
# Telegram's own: somebody joined, a message was pinned. Nobody said it to us.
_NOTICES = {
    "new_chat_members", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title",
    "new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
    "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id", "pinned_message",
    "successful_payment", "refunded_payment", "users_shared", "user_shared", "chat_shared", "gift", "unique_gift",
    "gift_upgrade_sent", "connected_website", "write_access_allowed", "passport_data", "proximity_alert_triggered",
    "boost_added", "chat_background_set", "checklist_tasks_done", "checklist_tasks_added",
    "direct_message_price_changed", "forum_topic_created", "forum_topic_edited", "forum_topic_closed",
    "forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created",
    "giveaway", "giveaway_winners", "giveaway_completed", "managed_bot_created", "paid_message_price_changed",
    "poll_option_added", "poll_option_deleted", "suggested_post_approved", "suggested_post_approval_failed",
    "suggested_post_declined", "suggested_post_paid", "suggested_post_refunded", "video_chat_scheduled",
    "video_chat_started", "video_chat_ended", "video_chat_participants_invited", "web_app_data",
    "community_chat_added", "community_chat_removed", "community_chat_joined",
}  # fmt: skip


# What we read of the Bot API's types, by its own names; whatever else there is in them we need not understand.


class _Chat(msgspec.Struct):
    id: int
    type: str


class _User(msgspec.Struct):
    id: int


class File(msgspec.Struct):
    """A size of a photo, or an image sent as a file; `file_size` in bytes, if that is known."""

    file_id: str
    file_size: int | None = None
    width: int = 0
    height: int = 0
    mime_type: str | None = None


class _Location(msgspec.Struct):
    latitude: float
    longitude: float


class _Venue(msgspec.Struct):
    location: _Location


class _Contact(msgspec.Struct):
    phone_number: str
    user_id: int | None = None


class _Message(msgspec.Struct):
    message_id: int
    date: int
    chat: _Chat
    sender: _User | None = msgspec.field(name="from", default=None)
    edit_date: int | None = None
    text: str | None = None
    caption: str | None = None
    photo: list[File] = []
    document: File | None = None
    animation: File | None = None
    location: _Location | None = None
    venue: _Venue | None = None
    contact: _Contact | None = None
    media_group_id: str | None = None


class _Under(msgspec.Struct):
    """The message a button hung under; of it we need the chat."""

    chat: _Chat


class _Query(msgspec.Struct):
    id: str
    message: _Under | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What an update says to us: nothing but a tap to be answered, or something with a picture still to be fetched."""

    said: Said | None
    picture: File | None = None
    query: str = ""


def read(raw: dict[str, Any], account: str, name: str, now: datetime) -> Heard | None:
    """Understand an update, if it is anything to us: `account` is our bot's number, `name` its @name.

    Raises:
        msgspec.ValidationError: nobody can read it.
    """
    if query := raw.get("callback_query"):
        return _tapped(msgspec.convert(query, _Query), account, now)
    edited = "message" not in raw
    content = raw.get("edited_message" if edited else "message")
    if not content or content.keys() & _NOTICES:
        return None
    message = msgspec.convert(content, _Message)
    if not _for_us(message, name, edited=edited):
        return None
    at, mark = message.date, ""
    if edited and message.edit_date:
        # Said anew: "tomorrow" put right today is read against today.
        at, mark = message.edit_date, f"#{message.edit_date}"
    picture, position, phone = _picture(message), _position(message), _own_phone(message)
    understood = message.text or picture or position or phone
    said = Said(
        Address(PLATFORM, account, str(message.chat.id)),
        f"m:{message.chat.id}:{message.message_id}{mark}",
        datetime.fromtimestamp(at, UTC),
        text=_plain(message.text or message.caption or ""),
        position=position,
        phone=phone,
        odd=None if understood else next((odd for field, odd in _ODD.items() if field in content), Odd.OTHER),
        edited=edited,
        group=_group(message.chat),
        album=None if edited else message.media_group_id,
    )
    return Heard(said, picture)


def _tapped(query: _Query, account: str, now: datetime) -> Heard:
    """A button pressed."""
    if query.message is None:
        return Heard(None, query=query.id)
    chat = query.message.chat
    address = Address(PLATFORM, account, str(chat.id))
    return Heard(Said(address, f"c:{query.id}", now, tap=_tap(query.data), group=_group(chat)), query=query.id)


def _for_us(message: _Message, name: str, *, edited: bool) -> bool:
    if edited and message.location:
        # Somebody walks about sharing their live position: every step is an edit.
        return False
    if not _group(message.chat):
        return True
    command = _COMMAND.match(message.text or message.caption or "")
    return (
        message.chat.type in ("group", "supergroup")
        and command is not None
        and (command[2] is None or command[2].lower() == name.lower())
    )


def _group(chat: _Chat) -> bool:
    return chat.type != "private"


def _tap(data: str | None) -> Tap:
    """The button of `_buttons`; one we never drew is answered as an old one."""
    if match := re.fullmatch(r"([0-9]{1,18}):([0-9]{1,3})", data or ""):
        return Tap(int(match[1]), int(match[2]))
    return Tap(0, 0)


def _plain(text: str) -> str:
    """`/report@our_bot 路灯` as it would be said in private: `/report 路灯`."""
    command = _COMMAND.match(text)
    return f"/{command[1]}{text[command.end() :]}" if command else text


def _picture(message: _Message) -> File | None:
    """The largest size of a photo, or an image sent as a file."""
    if message.photo:
        return max(message.photo, key=lambda size: size.width * size.height)
    document = message.document
    # A GIF comes as an animation and, for old clients, as a document too.
    if document and not message.animation and (document.mime_type or "").startswith("image/"):
        return document
    return None


def _position(message: _Message) -> Position | None:
    where = message.venue.location if message.venue else message.location
    return Position(where.latitude, where.longitude) if where else None


def _own_phone(message: _Message) -> str | None:
    """The number somebody shares as theirs; a friend's is no proof of anything."""
    contact, sender = message.contact, message.sender
    return contact.phone_number if contact and sender and contact.user_id == sender.id else None
