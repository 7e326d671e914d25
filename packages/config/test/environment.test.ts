import assert from 'node:assert/strict'
import { environmentLayers } from '../src/environment.ts'

describe('environmentLayers', () => {
  it('makes a layer of each variable, with its value in YAML', () => {
    const layers = environmentLayers({
      LAYERMESH_MESH_STALL_TIMEOUT_SITE: '700ms',
      LAYERMESH_MESH_MDNS: 'false',
      LAYERMESH_MIRROR_LISTEN: '[127.0.0.1:5000, "[::1]:5000"]',
    })
    assert.deepEqual(layers, [
      { origin: 'LAYERMESH_MESH_STALL_TIMEOUT_SITE', values: { mesh: { stallTimeout: { site: '700ms' } } } },
      { origin: 'LAYERMESH_MESH_MDNS', values: { mesh: { mdns: false } } },
      { origin: 'LAYERMESH_MIRROR_LISTEN', values: { mirror: { listen: ['127.0.0.1:5000', '[::1]:5000'] } } },
    ])
  })

  it('ignores variables of others and empty ones', () => {
    assert.deepEqual(environmentLayers({ PATH: '/bin', LAYERMESH_LOG_LEVEL: '', layermesh_x: '1' }), [])
  })

  it('ignores what Kubernetes adds for a Service called layermesh', () => {
    const layers = environmentLayers({
      LAYERMESH_SERVICE_HOST: '10.96.0.7',
      LAYERMESH_SERVICE_PORT: '5000',
      LAYERMESH_SERVICE_PORT_MIRROR: '5000',
      LAYERMESH_PORT: 'tcp://10.96.0.7:5000',
      LAYERMESH_PORT_5000_TCP: 'tcp://10.96.0.7:5000',
      LAYERMESH_PORT_5000_TCP_PROTO: 'tcp',
      LAYERMESH_PORT_5000_TCP_PORT: '5000',
      LAYERMESH_PORT_5000_TCP_ADDR: '10.96.0.7',
    })
    assert.deepEqual(layers, [])
  })

  it('rejects a variable that only looks like one of a Service', () => {
    assert.throws(() => environmentLayers({ LAYERMESH_MIRROR_PORT: '5000' }), { code: 'ERR_CONFIG_INVALID' })
  })
})
