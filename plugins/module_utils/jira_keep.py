# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one Jira issue to its desired state: find it or make it once, then write only the difference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import jira_plan as plan
from . import jira_workflow as workflow
from .clients.jira import JiraClient
from .clients.jira_errors import wrong_fields
from .clients.jira_values import Attachment, Issue, RemoteLink
from .errors import AnswerError, ApiError, ConfigurationError, ConflictError, UnclearOutcomeError
from .jira_wish import File, Note, Wanted

T = TypeVar("T")

#: Pauses (seconds) between looks for a write whose outcome is unclear. What is not there after them was not written.
LOOK_PAUSES = (0.5, 1.0, 2.0)


class IssueKeeper:
    """Writes one issue's differences and notes what changed. In check mode it only notes.

    C(issue) is the issue as it was last read; C(warnings) are for the person who runs the playbook.
    """

    def __init__(self, client: JiraClient, wish: Wanted, issue: Issue, *, check_mode: bool) -> None:
        self._client = client
        self._wish = wish
        self.check_mode = check_mode
        self.issue = issue
        self.changed = False
        self.warnings: list[str] = []

    def keep_fields(self, priority: str | None) -> None:
        """Bring summary, description, priority and labels in step."""
        body = plan.edit(self._wish, self.issue, priority)
        if not body:
            return
        if not self.check_mode:
            try:
                self._edit(body)
            except ApiError as error:
                if "priority" not in wrong_fields(error) or "priority" not in body.get("fields", {}):
                    raise
                self.warnings.append(f"{self.issue.key}: Jira does not let its priority be set ({error.message})")
                body = plan.without_field(body, "priority")
                if not body:
                    return
                self._edit(body)
            self._read()
        self.changed = True

    def keep_link(self) -> RemoteLink | None:
        """Bring the remote link in step and return the one that was there."""
        wanted = self._wish.link
        if wanted is None:
            return None
        found = self._client.remote_link(self.issue.key, self._wish.global_id)
        if wanted != found:
            self.changed = True
            if not self.check_mode:
                self._client.set_remote_link(self.issue.key, wanted, self._wish.global_id)
        return found

    def keep_comments(self) -> tuple[list[str], dict[str, str]]:
        """Write the comments that are missing. Return the ids that were there and all C({our id: Jira's id})."""
        if not self._wish.notes:
            return [], {}
        there = self._marked_comments()
        before = list(there)
        for note in self._wish.notes:
            if note.id in there:
                continue
            self.changed = True
            if not self.check_mode:
                there[note.id] = self.comment(note)
        return before, {note.id: there[note.id] for note in self._wish.notes if note.id in there}

    def comment(self, note: Note) -> str:
        """Write one comment and return its id."""
        return self._once(
            lambda: self._client.comment(self.issue.key, note.text, note.mark),
            lambda: self._marked_comments().get(note.id),
        )

    def _marked_comments(self) -> dict[str, str]:
        comments = self._client.comments(self.issue.key)
        return {str(comment.mark["id"]): comment.id for comment in comments if comment.mark and "id" in comment.mark}

    def keep_files(self) -> tuple[list[dict[str, Any]], dict[str, File]]:
        """Attach what is missing and read it back.

        Return the result for each file, and the files that were read back now, by attachment id. Raises AnswerError
        when Jira gives back something else than was uploaded.
        """
        results, fresh = [], {}
        for place in plan.places(self._wish.files, self.issue):
            attachment = place.attachment
            if not place.known:
                attachment = self._proved(place.file, attachment) or self._attach(place.file)
                if attachment is None:
                    continue
                fresh[attachment.id] = place.file
            if attachment is not None:
                # The name is ours: the core compares it with what it asked for.
                entry = {"name": place.file.name, "sha256": place.file.sha256, "id": attachment.id, "read_back": True}
                results.append(entry)
        return results, fresh

    def _proved(self, file: File, attachment: Attachment | None) -> Attachment | None:
        """Return the attachment if it really is the file."""
        if attachment is None:
            return None
        same = hashlib.sha256(self._client.download(attachment)).hexdigest() == file.sha256
        return attachment if same else None

    def _attach(self, file: File) -> Attachment | None:
        self.changed = True
        if self.check_mode:
            return None
        known = {attachment.id for attachment in self.issue.attachments}

        def look() -> Attachment | None:
            self._read()
            candidates = (a for a in self.issue.attachments if a.id not in known and plan.alike(file, a))
            return next((a for a in candidates if self._proved(file, a)), None)

        key = self.issue.key
        attachment = self._once(lambda: self._client.attach(key, file.upload_name, file.media_type, file.content), look)
        if not self._proved(file, attachment):
            raise AnswerError(
                f"{key}: the attachment {file.name} was uploaded and does not read back as it was sent; the next run "
                "uploads it again",
                id=key,
                attachment=attachment.id,
            )
        return attachment

    def keep_memory(self, attached: Mapping[str, File]) -> None:
        """Remember what Jira would not tell otherwise. Goes last, so that a broken run is noticed by the next one."""
        memory = plan.memory(self._wish, self.issue, attached)
        if memory == self.issue.memory:
            return
        self.changed = True
        if not self.check_mode:
            self._client.set_property(self.issue.key, memory)

    def keep_status(self, target: str | None, resolution: str) -> None:
        """Walk the issue through its workflow. Raises ConfigurationError when there is no way to the target."""
        if target is None or workflow.reached(self.issue.status, target):
            return
        self.changed = True
        if self.check_mode:
            return
        category = self._category(target)
        seen: list[str] = []
        for _step in range(workflow.MOST_STEPS):
            self._step(target, category, resolution, seen)
            if workflow.reached(self.issue.status, target):
                return
        raise self._no_way(target, f"it went {' → '.join([*seen, self.issue.status.name])} and did not arrive")

    def _category(self, target: str) -> str:
        """Return the category of the target, which must exist."""
        category = workflow.category_of(target)
        if category is None:
            statuses = self._client.statuses(self.issue.key.rpartition("-")[0])
            found = next((status for status in statuses if status.name.casefold() == target.casefold()), None)
            if found is None:
                names = ", ".join(sorted({status.name for status in statuses}))
                raise self._no_way(target, f"the project has no such status, but: {names}")
            category = found.category
        return category

    def _step(self, target: str, category: str, resolution: str, seen: list[str]) -> None:
        current = self.issue.status
        offered = self._client.transitions(self.issue.key)
        step = workflow.next_step(offered, current, target, category, seen)
        if step is None:
            names = ", ".join(f"{transition.name} → {transition.to.name}" for transition in offered) or "none"
            raise self._no_way(target, f"the steps from {current.name!r} are: {names}")
        fields = workflow.resolution_for(step, resolution)
        missing = workflow.missing_fields(step, fields)
        if missing:
            raise self._no_way(target, f"the step {step.name!r} wants to know: {', '.join(missing)}")
        try:
            self._client.transition(self.issue.key, step.id, fields)
        except (UnclearOutcomeError, ConflictError):
            # Somebody was faster, or the answer was lost: where the issue is now decides what comes next.
            self._client.pause(LOOK_PAUSES[0])
        self._read()
        if self.issue.status != current:
            seen.append(current.name)

    def _no_way(self, target: str, why: str) -> ConfigurationError:
        key = self.issue.key
        return ConfigurationError(
            f"{key} cannot get from {self.issue.status.name!r} to {target!r}: {why}. Set the option status "
            "(jira_status in the role) to a status of this workflow, or give the workflow such a step",
            id=key,
            url=self._client.browse_url(key),
        )

    def retire(self, original: Issue) -> None:
        """Close the issue as a duplicate of C(original) and take our label away, last of all."""
        self.changed = True
        if self.check_mode:
            return
        client, key = self._client, self.issue.key
        if original.key not in self.issue.linked:
            try:
                client.link_duplicate(key, original.key)
            except (ApiError, UnclearOutcomeError) as error:
                self.warnings.append(f"{key}: could not be linked to {original.key}: {error.message}")
        note_id = f"{self._wish.marker}-duplicate"
        if note_id not in self._marked_comments():
            text = f"{original.key} shows the same incident. This issue is closed as its duplicate."
            self.comment(Note(note_id, text, {"id": note_id, "kind": "duplicate"}))
        try:
            self.keep_status("done", "Duplicate")
        except ConfigurationError as error:
            self.warnings.append(error.message)
        client.set_property(key, {**self.issue.memory, "incident": self._wish.marker, "duplicate_of": original.key})
        self._edit({"update": {"labels": [{"remove": self._wish.label}]}})

    def _edit(self, body: Mapping[str, Any]) -> None:
        try:
            self._client.edit(self.issue.key, body)
        except ConflictError:
            self._client.pause(LOOK_PAUSES[0])
            self._client.edit(self.issue.key, body)

    def _read(self) -> None:
        issue = self._client.issue(self.issue.key)
        if issue is None:
            raise AnswerError(
                f"{self.issue.key} was there a moment ago and is gone: was it deleted or moved out of sight?"
            )
        self.issue = issue

    def _once(self, write: Callable[[], T], look: Callable[[], T | None]) -> T:
        """Write once. When the outcome is unclear, look before writing again: reading an issue is always up to date."""
        try:
            return write()
        except UnclearOutcomeError:
            for pause in LOOK_PAUSES:
                found = look()
                if found is not None:
                    return found
                self._client.pause(pause)
            return write()


def status_after(issue: Issue, target: str | None) -> str:
    """Return the status that an issue will have, for check mode."""
    return issue.status.name if target is None or workflow.reached(issue.status, target) else target


def known_priority(client: JiraClient, wish: Wanted, issue: Issue | None) -> tuple[str | None, str | None]:
    """Return the wanted priority as Jira spells it, and a warning when Jira has none of that name."""
    if wish.priority is None or (issue is not None and issue.priority == wish.priority):
        return wish.priority, None
    names = client.priorities()
    found = next((name for name in names if name.casefold() == wish.priority.casefold()), None)
    if found:
        return found, None
    return None, f"Jira has no priority {wish.priority!r}, so it is left alone (there are: {', '.join(names)})"
