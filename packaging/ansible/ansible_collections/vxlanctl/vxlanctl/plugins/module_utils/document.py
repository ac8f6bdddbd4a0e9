# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""The difference that a person sees: documents before and after a plan's steps."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import copy

# Where the steps of a plan stand in a document: the operation's last word, the field that has what
# it adds or removes, and the key of the list.
LISTS = {
    'peers': ('peers', 'peers'),
    'macs': ('macs', 'pinned MAC addresses'),
    'routers': ('routers', 'routers'),
    'address': ('address', 'addresses'),
    'route': ('route', 'routes'),
    'rule': ('rule', 'rules'),
    'neighbour': ('address', 'neighbours'),
}
MAIN_TABLE = 254


def before_and_after(running, tunnels):
    """Two documents of the tunnels that differ: as they run, and as the plan leaves them.

    running is what `vxlanctl export` says before the run, tunnels is what a run's JSON says of
    each tunnel. Tunnels in sync are in neither document.
    """
    before, after = {}, {}
    for tunnel in tunnels:
        if not tunnel.get('steps') or tunnel.get('result') in ('in_sync', 'refused', 'failed', 'untouched'):
            continue
        name = tunnel['name']
        if tunnel.get('netns'):
            name = '%s in %s' % (name, tunnel['netns'])
        have = section_of(running, tunnel)
        if tunnel['result'] != 'created':
            before[name] = have
        if tunnel['result'] != 'removed':
            after[name] = follow(have, tunnel)
    return before, after


def section_of(running, tunnel):
    """The tunnel's section of a document, or an empty one."""
    for sections in running.values():
        for name, section in sections.items():
            if name == tunnel['name'] and section.get('netns') == tunnel.get('netns'):
                return section
    return {}


def follow(section, tunnel):
    """The section that the steps make of a section."""
    is_new = tunnel['result'] in ('created', 'replaced')
    made = {} if is_new else copy.deepcopy(section)
    known = None if tunnel['result'] == 'created' else set(section)
    for step in tunnel['steps']:
        verb, what = step['operation'].split('_', 1)
        if step['operation'] == 'create_link':
            fields = set(change['field'] for change in step['changes'])
            for key, value in step['attributes'].items():
                if key != 'alias' and (known is None or key in known or key in fields):
                    made[key] = value
        elif what in LISTS:
            field, key = LISTS[what]
            entries = step[field] if isinstance(step[field], list) else [step[field]]
            made[key] = joined(made.get(key, []), [plain(entry) for entry in entries], verb)
            if not made[key]:
                del made[key]
        elif verb == 'change':
            change_fields(made, step['changes'], is_new, known)
    return made


def change_fields(made, changes, is_new, known):
    """Sets what changes; of a new interface only what somebody set."""
    for change in changes:
        field, want = change['field'], value_of(change['want'])
        if is_new and (field == 'up' and want is True or known is not None and field not in known):
            continue
        if want == 'default':
            made.pop(field, None)
        else:
            made[field] = want


def joined(have, entries, verb):
    """A list with the entries added, changed or removed. One is known by where it leads."""
    names = [name_of(entry) for entry in entries]
    kept = [entry for entry in have if name_of(entry) not in names]
    return kept if verb == 'remove' else kept + entries


def name_of(entry):
    """What an entry of a list is known by."""
    if not isinstance(entry, dict):
        return str(entry)
    kept = {key: value for key, value in entry.items() if key not in ('name', 'default')}
    if list(kept) in (['dst'], ['address']):
        return str(list(kept.values())[0])
    return repr(sorted(kept.items(), key=str))


def plain(entry):
    """An entry as `export` writes it: without what is the kernel's default."""
    if not isinstance(entry, dict):
        return entry
    entry = dict(entry)
    if entry.get('table') == MAIN_TABLE and 'to' in entry and 'priority' not in entry and 'from' not in entry:
        del entry['table']
    if entry.get('metric') == 0:
        del entry['metric']
    for key in ('from', 'to'):
        for suffix in ('/32', '/128'):
            if 'priority' in entry or 'from' in entry:
                if str(entry.get(key, '')).endswith(suffix):
                    entry[key] = entry[key][:-len(suffix)]
    return entry['dst'] if list(entry) == ['dst'] else entry


def value_of(text):
    """A value that a step has as text."""
    if text in ('yes', 'no'):
        return text == 'yes'
    return int(text) if text.isdigit() else text
