"""Connection plugin: a host of tests/packaging/ansible, over its network.

A command enters the namespaces of the host. Before the first one, and again after a reset, the
host has to answer on the management network, as sshd would: who cuts that off cannot connect.
"""
import os
import shlex
import subprocess

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = '''
name: host
short_description: A host of tests/packaging/ansible
description: Enters the namespaces of a process, if its address answers.
author: vxlanctl maintainers
options:
  address:
    description: Its address on the management network.
    vars: [{name: ansible_host}]
    required: true
  process:
    description: A process in its namespaces.
    vars: [{name: host_process}]
    required: true
'''


class Connection(ConnectionBase):
    transport = 'host'
    has_pipelining = True

    def _connect(self):
        if not self._connected:
            address = self.get_option('address')
            answer = subprocess.run(['ping', '-q', '-c', '1', '-w', '2', address], stdout=subprocess.DEVNULL)
            if answer.returncode != 0:
                raise AnsibleConnectionFailure('%s does not answer' % address)
            self._connected = True
            if os.environ.get('HOST_LOG'):
                with open(os.environ['HOST_LOG'], 'a') as log:
                    log.write(address + '\n')
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._connect()
        return self._enter(['sh', '-c', cmd], in_data)

    def _enter(self, argv, in_data=None):
        done = subprocess.run(['nsenter', '--target', str(self.get_option('process')), '--mount', '--net',
                               '--wd=/', '--'] + argv, input=in_data or b'', stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        self._connect()
        with open(in_path, 'rb') as source:
            code, _out, err = self._enter(['sh', '-c', 'cat >' + shlex.quote(out_path)], source.read())
        if code:
            raise AnsibleConnectionFailure(err.decode())

    def fetch_file(self, in_path, out_path):
        code, out, err = self._enter(['cat', in_path])
        if code:
            raise AnsibleConnectionFailure(err.decode())
        with open(out_path, 'wb') as target:
            target.write(out)

    def close(self):
        self._connected = False

    def reset(self):
        self.close()
