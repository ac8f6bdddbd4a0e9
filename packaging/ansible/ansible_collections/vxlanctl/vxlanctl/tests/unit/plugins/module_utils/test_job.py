# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""A change that goes on behind the module."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils import job


def test_its_state_is_in_its_directory(tmp_path):
    directory = str(tmp_path / 'job')
    assert job.state_of(directory) == 'unknown'
    os.mkdir(directory)
    assert job.state_of(directory) == 'starting'
    (tmp_path / 'job' / 'stderr').write_text(u'vxlanctl: warning: the change is rolled back %s\n' % job.WAITING)
    assert job.state_of(directory) == 'waiting'
    (tmp_path / 'job' / 'code').write_text(u'1')
    assert job.state_of(directory) == 'ended'


def test_it_runs_to_its_end_with_the_document(tmp_path):
    (tmp_path / 'stdin').write_text(u'document')
    job.run(['sh', '-c', 'cat; echo said >&2; exit 3'], str(tmp_path))
    assert job.result_of(str(tmp_path)) == (3, 'document', 'said\n')


def test_a_program_that_is_missing_is_a_result(tmp_path):
    (tmp_path / 'stdin').write_text(u'')
    job.run([str(tmp_path / 'missing')], str(tmp_path))
    code, out, err = job.result_of(str(tmp_path))
    assert code == 1 and out == '' and 'missing' in err


def test_waiting_has_an_end(tmp_path):
    assert job.await_state(str(tmp_path), 0, over=('starting',)) == 'starting'
