// @libp2p/multistream-select behind the suite: it negotiates, says what it settled on, and echoes.
// node simopen.mjs ROLE listen|connect PORT PROTOCOLS, after `npm install` in this directory.
import net from 'node:net'
import { handle, select } from '@libp2p/multistream-select'

// What it needs of newer versions of node.
Promise.withResolvers ??= () => {
  const it = {}
  return Object.assign(it, { promise: new Promise((resolve, reject) => Object.assign(it, { resolve, reject })) })
}
const log = Object.assign(() => {}, { error () {}, trace () {}, newScope: () => log })

class Stream extends EventTarget {
  constructor (socket) {
    super()
    Object.assign(this, { socket, log, remoteWriteStatus: 'writable', readBufferLength: 0, rest: new Uint8Array(0) })
    const tell = (name, more) => this.dispatchEvent(Object.assign(new Event(name), more))
    socket.on('data', this.onData = data => tell('message', { data }))
    const ended = name => () => { this.remoteWriteStatus = 'closed'; tell(name) }
    socket.on('end', ended('remoteCloseWrite')).on('close', ended('close')).on('error', () => {})
  }
  closeRead () {}
  push () {}
  send (bytes) { this.socket.write(bytes.subarray()); return true }
  unshift (bytes) { this.rest = bytes.subarray() }
}

const [role, how, port, names] = process.argv.slice(2)
async function serve (socket) {
  const stream = new Stream(socket)
  const negotiate = role === 'listener' ? handle : select
  const protocol = await negotiate(stream, names.split(',')).catch(() => socket.destroy() && null)
  if (protocol == null || socket.destroyed) return
  socket.off('data', stream.onData)
  socket.write(`${role === 'listener' ? 'responder' : 'initiator'} ${protocol}\n`)
  socket.write(stream.rest)
  stream.remoteWriteStatus === 'closed' ? socket.end() : socket.pipe(socket)
}
const half = { allowHalfOpen: true, host: '127.0.0.1', port: Number(port) }
how === 'connect' ? serve(net.connect(half)) : net.createServer(half, serve).listen(half)
