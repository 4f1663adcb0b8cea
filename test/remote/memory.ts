import t from 'tap'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import { testRemoteContract } from '../support/remote-contract.js'

testRemoteContract(t, { open: async () => openMemoryRemote() })

t.test('ages are by the given clock', async t => {
  let now = 1000
  const remote = openMemoryRemote({ now: () => now })
  await remote.put('ddv.json', Buffer.from('{}'))
  now += 86_400_000
  t.equal((await remote.stat('ddv.json'))?.age, 86_400_000)
  now = 0
  t.equal((await remote.stat('ddv.json'))?.age, 0, 'never negative')
})

t.test('later changes to the bytes put or got do not reach the store', async t => {
  const remote = openMemoryRemote()
  const bytes = Buffer.from('abc')
  await remote.put('ddv.json', bytes)
  bytes[0] = 0
  const got = await remote.get('ddv.json', { maxBytes: 10 })
  t.equal(got?.bytes.toString(), 'abc')
  got?.bytes.fill(0)
  t.equal((await remote.get('ddv.json', { maxBytes: 10 }))?.bytes.toString(), 'abc')
})
