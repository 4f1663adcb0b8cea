// A small HTTP server whose every answer a test decides: for faults that no real store gives when asked to.

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Bytes of the body, read before the answer unless the answer is given at once. */
  body: Buffer
}

export type Answer = (response: ServerResponse, seen: Seen) => void | Promise<void>

export interface FaultServer {
  readonly endpoint: string
  readonly seen: Seen[]
  /** The next requests are answered so, in order; the last answer stays. */
  answer(...answers: readonly Answer[]): void
  close(): Promise<void>
}

export async function openFaultServer(): Promise<FaultServer> {
  let answers: readonly Answer[] = []
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  const server = createServer(async (incoming, response) => {
    const one: Seen = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.alloc(0),
    }
    seen.push(one)
    one.body = await readAll(incoming)
    const [first, ...rest] = answers
    if (rest.length > 0) answers = rest
    await first?.(response, one)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answer(...next) {
      answers = next
      seen.length = 0
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** An answer as S3 would give it, for a known object or a known refusal. */
export const answerWith =
  (status: number, headers: Readonly<Record<string, string | number>> = {}, body: string | Buffer = ''): Answer =>
  (response, { method }) => {
    response.writeHead(status, headers)
    response.end(method === 'HEAD' ? undefined : body)
  }

export const s3Error = (status: number, code: string, headers: Readonly<Record<string, string>> = {}): Answer =>
  answerWith(
    status,
    { 'content-type': 'application/xml', ...headers },
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>for the test</Message></Error>`,
  )

export const objectHeaders = (size: number): Record<string, string | number> => ({
  etag: '"0123"',
  'last-modified': new Date(Date.now() - 60_000).toUTCString(),
  'content-type': 'application/octet-stream',
  'content-length': size,
})

/** Passes the request on to a real server; its signature covers the host, so that has to stay as it was. */
export const passOn =
  (endpoint: string, change: (answer: IncomingMessage, response: ServerResponse) => void = pipeAnswer): Answer =>
  (response, { method, path, headers, body }) =>
    new Promise(resolve => {
      const { hostname, port } = new URL(endpoint)
      const outgoing = request({ hostname, port, method, path, headers: { ...headers } }, answer => {
        change(answer, response)
        resolve()
      })
      outgoing.end(body)
    })

function pipeAnswer(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 500, answer.headers)
  answer.pipe(response)
}
