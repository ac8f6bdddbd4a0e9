# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a change is confirmed: by a connection that is newer than the change, or not at all."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.vxlanctl.vxlanctl.plugins.action import files

CUT = AnsibleConnectionFailure('no route')


class Connection(object):
    def __init__(self, story):
        self.story = story

    def reset(self):
        self.story.append('reset')


class Task(object):
    def __init__(self, args, async_val=0):
        self.args = args
        self.async_val = async_val


class PlayContext(object):
    remote_addr = 'host'


class Action(files.ActionModule):
    """With a host that answers what the test says."""

    def __init__(self, args, answers, async_val=0):
        self.story = []
        self.answers = answers
        self._task = Task(args, async_val)
        self._connection = Connection(self.story)
        self._play_context = PlayContext()

    def _execute_module(self, module_name=None, module_args=None, task_vars=None, wrap_async=False, **more):
        self.story.append('%s%s' % (module_name.split('.')[-1], ' keep' if module_args.get('keep') else ''))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ActionBase, 'run', lambda self, tmp=None, task_vars=None: {})
    monkeypatch.setattr(files.time, 'sleep', lambda seconds: None)


STARTED = {'changed': True, 'job': '/run/vxlanctl-change-1', 'diff': {}, 'tunnels': [{'result': 'changed'}]}
KEPT = {'state': 'ended', 'changed': True, 'confirmed': True}
ROLLED_BACK = {'state': 'ended', 'changed': False, 'confirmed': False, 'failed': True, 'msg': 'rolled back'}


def test_without_a_change_that_waits_the_module_is_all():
    action = Action({}, [{'changed': False}])
    assert action.run() == {'changed': False}
    assert action.story == ['files']


def test_the_connection_that_confirms_is_newer_than_the_change():
    action = Action({'confirm': 5}, [STARTED, {'state': 'starting'}, {'state': 'waiting'}, KEPT])
    result = action.run()
    assert action.story == ['files', 'reset', 'confirm', 'reset', 'confirm', 'reset', 'confirm keep']
    assert 'job' not in result
    assert result['changed'] and result['confirmed'] and 'diff' in result


def test_a_change_that_cuts_the_connection_is_told_when_it_is_back():
    action = Action({'confirm': 5}, [STARTED, {'state': 'waiting'}, CUT, CUT, ROLLED_BACK])
    result = action.run()
    assert 'confirm keep' in action.story
    assert result['failed'] and not result['changed']
    assert 'No new connection' in result['msg'] and 'after 5 s' in result['msg'] and 'no route' in result['msg']
    assert 'tunnels' not in result and 'diff' not in result


def test_a_connection_that_hung_until_the_change_was_rolled_back_is_told_as_well():
    assert 'No new connection' in Action({'confirm': 5}, [STARTED, ROLLED_BACK]).run()['msg']


def test_an_error_of_the_change_is_told_as_it_is():
    failed = {'state': 'ended', 'changed': False, 'failed': True, 'msg': 'vxlan0: the kernel refused'}
    assert Action({'confirm': 5}, [STARTED, failed]).run()['msg'] == 'vxlan0: the kernel refused'


def test_an_answer_without_a_state_is_a_connection_that_fails():
    action = Action({'confirm': 5}, [STARTED, {'failed': True, 'msg': 'noise'}, {'state': 'waiting'}, KEPT])
    assert action.run()['confirmed']


def test_a_host_that_does_not_come_back_is_not_waited_for_forever(monkeypatch):
    now = [0]

    def time():
        now[0] += 30
        return now[0]
    monkeypatch.setattr(files.time, 'time', time)
    result = Action({'confirm': 5}, [STARTED] + [CUT] * 9).run()
    assert result['failed'] and 'not known' in result['msg']


def test_nobody_could_confirm_with_async():
    with pytest.raises(AnsibleActionFail):
        Action({'confirm': 5}, [], async_val=60).run()
