// Between ddv and an S3 store, on loopback: passes everything on unchanged, the Host header too, which the signature
// covers, and counts.

import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Counts {
  requests: number
  /** Requests for keys below `packs/`: those that carry data. */
  data: number
  /** Bytes of bodies, headers not counted. */
  sent: number
  received: number
}

export interface CountingProxy {
  readonly endpoint: string
  /** Since the last call. */
  take(): Counts
  close(): Promise<void>
}

const none = (): Counts => ({ requests: 0, data: 0, sent: 0, received: 0 })

export async function startCountingProxy(store: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(store)
  let counts = none()
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    counts.requests++
    if (/\/packs\/[0-9a-f]/.test(incoming.url ?? '')) counts.data++
    const { method, url, headers } = incoming
    const upstream = forward({ host: hostname, port, method, path: url, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.on('data', (part: Buffer) => {
        counts.received += part.length
      })
      answer.pipe(outgoing)
    })
    upstream.on('error', () => outgoing.destroy())
    incoming.on('data', (part: Buffer) => {
      counts.sent += part.length
    })
    incoming.pipe(upstream)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => {
      const taken = counts
      counts = none()
      return taken
    },
    close: () => {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
