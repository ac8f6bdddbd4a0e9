# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""Calls vxlanctl and hands its answer to Ansible. What is done, vxlanctl decides."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import re

COMMON_ARGUMENTS = {
    'executable': {'type': 'path'},
    'netns': {'type': 'str'},
}

# The options of `vxlanctl apply`, by what they take.
APPLY_SWITCHES = ('prune', 'allow_empty', 'allow_recreate', 'keep_foreign', 'drop_foreign',
                  'allow_flap', 'allow_overlap', 'exclusive', 'adopt')
APPLY_VALUES = ('source', 'lock_timeout', 'wait', 'resolve_timeout')

# The options of `vxlanctl peer`.
PEER_SWITCHES = ('adopt', 'allow_overlap', 'override')
PEER_VALUES = ('peers_file', 'lock_timeout', 'resolve_timeout')


def option_of(parameter):
    """The program's option for a parameter: allow_flap is --allow-flap."""
    return '--' + parameter.replace('_', '-')


def options_of(params, switches, values):
    """The words for the parameters that are set."""
    words = [option_of(name) for name in switches if params.get(name)]
    for name in values:
        if params.get(name) is not None:
            words += [option_of(name), str(params[name])]
    return words


def in_ansible_words(text, specification):
    """Writes the options in a message as the parameters of the module.

    A module's user cannot type --allow-flap, but can set allow_flap: true.
    """
    def parameter(match):
        name = match.group(1).replace('-', '_')
        if name not in specification:
            return match.group(0)
        if specification[name].get('type') == 'bool':
            return "'%s: true'" % name
        return "'%s'" % name
    return re.sub(r'--([a-z][a-z-]*[a-z])', parameter, text)


def switches_in(text, specification):
    """The boolean parameters whose options a message names, in its order."""
    found = []
    for option in re.findall(r'--([a-z][a-z-]*[a-z])', text):
        name = option.replace('-', '_')
        if specification.get(name, {}).get('type') == 'bool' and name not in found:
            found.append(name)
    return found


class Answer(object):
    """What one call of vxlanctl said: its exit code, its JSON, and standard error."""

    def __init__(self, code, out, err):
        self.code = code
        self.err = err
        try:
            self.document = json.loads(out) if out.strip() else None
        except ValueError:
            self.document = None

    @property
    def changed(self):
        return bool(self.document and self.document.get('changed'))

    @property
    def errors(self):
        """All errors of the run, and then those of its tunnels."""
        if not self.document:
            return []
        found = list(self.document.get('errors') or [])
        for tunnel in self.document.get('tunnels') or []:
            found += tunnel.get('errors') or []
        return found

    @property
    def warnings(self):
        """All warnings, as sentences."""
        if not self.document:
            return []
        found = list(self.document.get('warnings') or [])
        for tunnel in self.document.get('tunnels') or []:
            found += tunnel.get('warnings') or []
        found += self.document.get('kept') or []
        return [message['message'] for message in found]

    def values(self):
        """The document's fields for the result of a task."""
        if not self.document:
            return {}
        return {name: self.document[name]
                for name in ('tunnels', 'summary', 'unnamed', 'kept', 'confirmed', 'errors')
                if name in self.document}


def failure_of(answer, specification):
    """The result of a task whose call of vxlanctl failed."""
    texts = [error['message'] for error in answer.errors]
    if not texts:
        texts = [answer.err.strip() or 'vxlanctl ended with exit code %d and said nothing' % answer.code]
    allowed_by = []
    for error in answer.errors:
        if error.get('kind') == 'refused':
            allowed_by += [name for name in switches_in(error['message'], specification)
                           if name not in allowed_by]
    result = answer.values()
    if not answer.changed:
        result.pop('tunnels', None)  # they would repeat the errors
    result.update({
        'msg': '\n'.join(in_ansible_words(text, specification) for text in texts),
        'rc': answer.code,
        'refused': any(error.get('kind') == 'refused' for error in answer.errors),
        'allowed_by': allowed_by,
        'errors': answer.errors,
        'changed': answer.changed,
    })
    return result


class Vxlanctl(object):
    """The program on this host."""

    def __init__(self, module):
        self.module = module
        self.path = module.params.get('executable') or module.get_bin_path('vxlanctl')
        if not self.path:
            module.fail_json(msg='There is no program vxlanctl on this host. Install its package first, '
                                 "for example with the role 'vxlanctl.vxlanctl.host', "
                                 "or set 'executable' to its path.")

    def command(self, words):
        """The argv of a call that answers in JSON."""
        netns = self.module.params.get('netns')
        return [self.path, '--json'] + (['--netns', netns] if netns else []) + words

    def call(self, words, data=None):
        """Runs it; data is its standard input."""
        code, out, err = self.module.run_command(
            self.command(words), data=data, binary_data=False, environ_update={'LC_ALL': 'C.UTF-8'})
        return Answer(code, out, err)

    def warn(self, answer):
        """Hands on what vxlanctl warns of."""
        for text in answer.warnings:
            self.module.warn(in_ansible_words(text, self.module.argument_spec))
        unnamed = (answer.document or {}).get('unnamed')
        if unnamed and 'prune' in self.module.argument_spec:
            self.module.warn("%s: no longer defined where it came from, and left running. Set 'prune: true' "
                             "to remove it." % ', '.join(unnamed))

    def fail(self, answer):
        """Ends the module with what vxlanctl said went wrong."""
        if answer.changed:
            self.warn(answer)
        self.module.fail_json(**failure_of(answer, self.module.argument_spec))

    def running(self, all_netns=False):
        """What runs, as the document that apply would accept; empty where it cannot be told."""
        all_netns = all_netns and not self.module.params.get('netns')
        answer = self.call(['export', '--format', 'json'] + ['--all-netns'] * all_netns)
        return (answer.document or {}).get('file') or {}
