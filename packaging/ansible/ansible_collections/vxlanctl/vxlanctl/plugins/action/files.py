# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""On the controller: confirms a change through a connection that was made after it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import time

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

MODULE = 'vxlanctl.vxlanctl.files'
CONFIRM = 'vxlanctl.vxlanctl.confirm'

# So long after the module's answer the change is made, see ANSWER_SECONDS of module_utils/job.py, and
# a little later. A connection from before hangs if the change cuts it, even where a new one works.
START_SECONDS = 2

# So long after the change was rolled back the host has to be reached again.
RETURN_SECONDS = 60


class ActionModule(ActionBase):
    """Runs the module, and where it started a change that waits, goes back to the host by a new way.

    The steps are: the module starts the change and ends; a connection sees that the change is made;
    that connection is closed; a new one confirms. Only that one proves that the host is reached.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super(ActionModule, self).run(tmp, task_vars)
        arguments = self._task.args.copy()
        confirm = arguments.get('confirm')
        if confirm is not None and self._task.async_val:
            raise AnsibleActionFail("'confirm' does not work with 'async': somebody has to wait here and confirm")
        planned = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars,
                                       wrap_async=self._task.async_val)
        job = planned.pop('job', None)
        result.update(planned)
        if planned.get('failed') or not job:
            return result
        # What the change may take until it is decided, and the way back to the host.
        waits = (arguments.get('wait') or 0, arguments.get('lock_timeout') or 10,
                 arguments.get('resolve_timeout') or 10, RETURN_SECONDS)
        decided = self._decide(job, int(confirm), int(confirm) + sum(int(wait) for wait in waits), task_vars)
        if decided.get('failed'):
            for name in ('tunnels', 'summary', 'unnamed', 'kept', 'diff'):  # they tell of the plan
                result.pop(name, None)
        result.update(decided)
        return result

    def _decide(self, job, confirm, patience, task_vars):
        """Confirms the change, or tells that it was rolled back, within so many seconds."""
        deadline = time.time() + patience
        common = {name: self._task.args[name] for name in ('executable', 'netns') if name in self._task.args}
        cut = None
        time.sleep(START_SECONDS)
        while True:
            try:
                answer = self._ask(dict(common, job=job, keep=False, timeout=0), task_vars)
                if answer['state'] == 'waiting':
                    answer = self._ask(dict(common, job=job, keep=True), task_vars)
                if answer['state'] not in ('starting', 'waiting'):
                    return self._told(answer, confirm, cut)
            except AnsibleConnectionFailure as error:
                cut = error
                display.vv('no new connection after the change: %s' % error, host=self._play_context.remote_addr)
            time.sleep(1)
            if time.time() > deadline:
                return self._lost(confirm, patience, cut)

    def _ask(self, arguments, task_vars):
        """Runs the module `confirm` through a new connection."""
        try:
            self._connection.reset()
        except AttributeError:  # of a plugin that connects anew each time
            pass
        try:
            answer = self._execute_module(module_name=CONFIRM, module_args=arguments, task_vars=task_vars)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:  # a directory on the host could not be made, and the like
            raise AnsibleConnectionFailure(str(error))
        if 'state' not in answer:
            raise AnsibleConnectionFailure(answer.get('module_stderr') or answer.get('msg') or 'no answer')
        return answer

    def _told(self, answer, confirm, cut):
        """The result of a change that is decided."""
        for name in ('invocation', 'state', 'warnings', 'deprecations', '_ansible_parsed'):
            answer.pop(name, None)
        if not answer.get('failed'):
            return answer
        if answer.get('confirmed') is False:
            why = ' The connection had failed with: %s.' % str(cut).strip().rstrip('.') if cut else ''
            answer['msg'] = (
                'No new connection to this host came about after the change, so that nobody could confirm it. '
                'vxlanctl has rolled it back after %d s: the tunnels are as before.%s Change what leads the '
                "host's answers away from the controller. If connecting only takes longer, set a larger "
                "'confirm'." % (confirm, why))
        return answer

    def _lost(self, confirm, patience, cut):
        """The result where the host does not come back."""
        why = 'The connection fails with: %s.' % str(cut).strip().rstrip('.') if cut else 'It was not made in time.'
        return {'failed': True, 'changed': True, 'msg': (
            'Whether the change is kept is not known %d s after its start. vxlanctl rolls it back where it was '
            'not confirmed within %d s. %s Run the play again when the host is reached.' % (patience, confirm, why))}
