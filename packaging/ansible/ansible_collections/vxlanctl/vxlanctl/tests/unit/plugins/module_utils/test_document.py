# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""What --diff shows."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils.document import before_and_after

RUNNING = {'vxlan': {'vxlan0': {
    'dev': 'eth0', 'mtu': 1400, 'addresses': ['10.9.0.1/24'], 'vni': 10,
    'peers': ['192.0.2.2', {'dst': '192.0.2.3', 'name': 'gate-c'}], 'routes': [{'to': '10.151.0.0/16'}]}}}


def step(operation, changes=(), **fields):
    return dict({'operation': operation, 'link': 'vxlan0', 'disruption': 'none', 'changes': list(changes)}, **fields)


def of(result, *steps, **more):
    return before_and_after(RUNNING, [dict({'name': 'vxlan0', 'result': result, 'steps': list(steps)}, **more)])


def test_what_is_in_sync_is_not_shown():
    assert of('in_sync') == ({}, {})
    assert of('failed', step('delete_link')) == ({}, {})


def test_peers_come_and_go_and_the_others_stay():
    before, after = of('changed', step('add_peers', peers=[{'dst': '192.0.2.4'}]),
                       step('remove_peers', peers=[{'dst': '192.0.2.3'}]))
    assert before == {'vxlan0': RUNNING['vxlan']['vxlan0']}
    assert after['vxlan0']['peers'] == ['192.0.2.2', '192.0.2.4']
    assert after['vxlan0']['mtu'] == 1400


def test_the_last_of_a_list_takes_its_key_along():
    after = of('changed', step('remove_route', route={'to': '10.151.0.0/16', 'table': 254, 'metric': 0}))[1]
    assert 'routes' not in after['vxlan0']


def test_values_change():
    after = of('changed', step('change_link', [{'field': 'mtu', 'have': '1400', 'want': '1390'},
                                               {'field': 'forward', 'have': 'default', 'want': 'yes'}]))[1]
    assert after['vxlan0']['mtu'] == 1390 and after['vxlan0']['forward'] is True


def test_a_new_tunnel_has_no_document_before():
    before, after = of('created', step('create_link', attributes={'alias': 'x', 'vni': 10}),
                       step('change_link', [{'field': 'up', 'have': 'no', 'want': 'yes'}]))
    assert before == {} and after == {'vxlan0': {'vni': 10}}


def test_a_removed_one_has_none_afterwards():
    before, after = of('removed', step('delete_link'))
    assert list(before) == ['vxlan0'] and after == {}


def test_a_replaced_one_shows_what_differs_alone():
    before, after = of(
        'replaced',
        step('create_link', [{'field': 'vni', 'have': '10', 'want': '11'}],
             attributes={'vni': 11, 'dev': 'eth0', 'mtu': 1400, 'port': 4789, 'mac': '02:00:00:00:00:01'}),
        step('add_peers', peers=[{'dst': '192.0.2.2'}, {'dst': '192.0.2.3', 'name': 'gate-c'}]),
        step('delete_link'), step('rename_link', to='vxlan0'), step('add_address', address='10.9.0.1/24'),
        step('change_link', [{'field': 'promote_secondaries', 'have': 'default', 'want': 'no'}]),
        step('add_route', route={'to': '10.151.0.0/16', 'table': 254, 'metric': 0}))
    before['vxlan0']['vni'] = 11
    assert after == before


def test_a_namespace_is_told():
    running = {'vxlan': {'vxlan0': {'netns': 'blue', 'mtu': 1}}}
    tunnel = {'name': 'vxlan0', 'netns': 'blue', 'result': 'removed', 'steps': [step('delete_link')]}
    assert before_and_after(running, [tunnel])[0] == {'vxlan0 in blue': {'netns': 'blue', 'mtu': 1}}
