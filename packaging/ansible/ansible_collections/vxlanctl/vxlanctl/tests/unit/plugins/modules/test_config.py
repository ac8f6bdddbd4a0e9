# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which files are written, and by which names."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

import pytest

from ansible_collections.vxlanctl.vxlanctl.plugins.modules import config, files


class Failed(Exception):
    pass


class Module(object):
    def __init__(self, wanted):
        self.params = {'files': wanted}

    def fail_json(self, msg):
        raise Failed(msg)


@pytest.mark.parametrize('name', ['../x.toml', '/etc/x.toml', 'a/b.toml', 'a.toml.d/b/c.toml', 'a.toml.d/', '.', ''])
def test_a_name_stays_in_the_directory(name):
    with pytest.raises(Failed):
        config.texts_of(Module({name: 'x'}))


def test_texts_and_mappings():
    texts = config.texts_of(Module({'a.toml': 'x', 'a.toml.d/50.toml': 'y', 'b.json': {'vxlan': {}}}))
    assert texts['a.toml'] == 'x' and texts['a.toml.d/50.toml'] == 'y'
    assert json.loads(texts['b.json']) == {'vxlan': {}}


def test_a_mapping_is_no_toml():
    with pytest.raises(Failed):
        config.texts_of(Module({'a.toml': {'vxlan': {}}}))


def test_drop_ins_are_found(tmp_path):
    config.write(str(tmp_path), 'a.toml', u'x')
    config.write(str(tmp_path), 'a.toml.d/50.toml', u'y')
    config.write(str(tmp_path), 'other/z.toml', u'z')
    assert config.files_of(str(tmp_path)) == {'a.toml': 'x', 'a.toml.d/50.toml': 'y'}
    config.remove(str(tmp_path), 'a.toml.d/50.toml')
    assert not (tmp_path / 'a.toml.d').exists()


def test_the_words_of_apply():
    params = dict.fromkeys(files.ARGUMENTS)
    params.update(prune=True, source='site', content={'vxlan': {}})
    assert files.words_of(params) == ['apply', '--prune', '--source', 'site', '-']
    params.update(content=None, paths=['/etc/a.toml'], source=None)
    assert files.words_of(params) == ['apply', '--prune', '--', '/etc/a.toml']
    assert files.text_of('text') == 'text'
