# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""A call of `vxlanctl apply --confirm` that goes on when the module has answered.

The module cannot wait for it: what it changes may cut the connection that the answer has to take.
So it leaves a process in a session of its own, whose directory tells how the change stands.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import subprocess
import tempfile
import time

# The code of the warning that vxlanctl prints with -v when the change is made and waits.
WAITING = 'waits-for-confirmation'

# What the names of jobs begin with.
PREFIX = 'vxlanctl-change-'

# So long the change waits when the module has ended, so that its answer is on its way: it may go
# through what the change cuts.
ANSWER_SECONDS = 1


def start(argv, data):
    """Runs argv when this process has ended; returns the directory of the job."""
    directory = directory_of_our_own(PREFIX)
    with open(os.path.join(directory, 'stdin'), 'w') as document:
        document.write(data or '')
    ended, alive = os.pipe()  # `alive` is closed when this process ends
    child = os.fork()
    if child:
        os.close(ended)
        os.set_inheritable(alive, False)
        os.waitpid(child, 0)
        return directory
    try:
        os.close(alive)
        os.setsid()
        if os.fork() == 0:
            detach()
            os.read(ended, 1)
            time.sleep(ANSWER_SECONDS)
            run(argv, directory)
    finally:
        os._exit(0)


def directory_of_our_own(prefix):
    """A directory below directories that root owns, where it can be: vxlanctl reads no files of others.

    Ansible's own directory on the host may be below one of the user who has logged in.
    """
    return tempfile.mkdtemp(prefix=prefix, dir='/run' if os.access('/run', os.W_OK) else None)


def detach():
    """Lets go of the connection: it ends when nobody has its descriptors."""
    os.chdir('/')
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)


def run(argv, directory):
    """Runs argv to its end, and writes what came of it."""
    def path(name):
        return os.path.join(directory, name)
    try:
        with open(path('stdin')) as source, open(path('stdout'), 'w') as out, open(path('stderr'), 'w') as err:
            code = subprocess.call(argv, stdin=source, stdout=out, stderr=err,
                                   env=dict(os.environ, LC_ALL='C.UTF-8'))
    except OSError as error:
        code = 1
        with open(path('stderr'), 'a') as err:
            err.write(str(error))
    with open(path('code.new'), 'w') as result:
        result.write(str(code))
    os.rename(path('code.new'), path('code'))


def text_of(directory, name):
    """A file of the job, or nothing where it is not there yet."""
    try:
        with open(os.path.join(directory, name)) as text:
            return text.read()
    except (IOError, OSError):
        return ''


def state_of(directory):
    """How it stands: starting, waiting, ended, or unknown where there is no such job."""
    if not os.path.isdir(directory):
        return 'unknown'
    if text_of(directory, 'code'):
        return 'ended'
    return 'waiting' if WAITING in text_of(directory, 'stderr') else 'starting'


def await_state(directory, seconds, over):
    """Waits until its state is none of those in `over`, for so many seconds; returns the state."""
    deadline = time.time() + seconds
    state = state_of(directory)
    while state in over and time.time() < deadline:
        time.sleep(0.1)
        state = state_of(directory)
    return state


def result_of(directory):
    """Of a job that has ended: its exit code, standard output and standard error."""
    return int(text_of(directory, 'code')), text_of(directory, 'stdout'), text_of(directory, 'stderr')


def forget(directory):
    """Removes the job's directory."""
    shutil.rmtree(directory, ignore_errors=True)
