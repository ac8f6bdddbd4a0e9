# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""The words of a call, and what becomes of its answer."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils import vxlanctl as utils

SPECIFICATION = {'allow_recreate': {'type': 'bool'}, 'keep_foreign': {'type': 'bool'}, 'source': {'type': 'str'}}
REFUSAL = {
    'kind': 'refused', 'code': 'needs-replacement',
    'message': 'vxlan0: cannot change vni. To do it anyway: --allow-recreate with --keep-foreign.'}


def answer(code, document, err=''):
    return utils.Answer(code, json.dumps(document), err)


def test_only_what_is_set_becomes_an_option():
    params = {'prune': True, 'adopt': False, 'wait': 0, 'source': None}
    assert utils.options_of(params, ('prune', 'adopt'), ('wait', 'source')) == ['--prune', '--wait', '0']


def test_a_message_names_the_parameters():
    text = 'To do it anyway: --allow-recreate. For --source NAME see --help.'
    assert utils.in_ansible_words(text, SPECIFICATION) == \
        "To do it anyway: 'allow_recreate: true'. For 'source' NAME see --help."


def test_a_refusal_says_what_allows_it():
    result = utils.failure_of(answer(4, {'changed': False, 'tunnels': [
        {'name': 'vxlan0', 'errors': [REFUSAL], 'warnings': []}]}), SPECIFICATION)
    assert result['allowed_by'] == ['allow_recreate', 'keep_foreign']
    assert result['refused'] and result['rc'] == 4 and not result['changed']
    assert "'allow_recreate: true'" in result['msg']


def test_an_error_that_is_no_refusal_is_allowed_by_nothing():
    error = {'kind': 'usage', 'message': 'Use --allow-recreate.'}
    result = utils.failure_of(answer(2, {'errors': [error]}), SPECIFICATION)
    assert result['allowed_by'] == [] and not result['refused']


def test_what_was_changed_is_told_of_a_failure():
    error = {'kind': 'kernel', 'message': 'vxlan1: no'}
    result = utils.failure_of(answer(1, {'changed': True, 'tunnels': [{'errors': [error]}]}), SPECIFICATION)
    assert result['changed'] and result['msg'] == 'vxlan1: no'


def test_no_json_is_an_error_of_the_program():
    assert utils.failure_of(utils.Answer(127, '', 'not found\n'), {})['msg'] == 'not found'
    assert 'exit code 9' in utils.failure_of(utils.Answer(9, 'x', ''), {})['msg']


def test_warnings_are_those_of_the_run_and_of_its_tunnels():
    said = answer(0, {'kept': [{'message': 'k'}], 'tunnels': [{'warnings': [{'message': 'w'}]}]})
    assert said.warnings == ['w', 'k']
