import { constants, openSync, read, writeSync } from 'node:fs'
import { promisify } from 'node:util'

import koffi from 'koffi'

const readAsync = promisify(read)

// From <linux/if_tun.h>; the same on every architecture that Node runs on but MIPS, PowerPC and SPARC.
const TUNSETIFF = 0x400454ca
const TUNSETOFFLOAD = 0x400454d0
const IFF_TAP = 0x0002
const IFF_NO_PI = 0x1000
const IFF_VNET_HDR = 0x4000
const TUN_F_CSUM = 0x01
const TUN_F_TSO4 = 0x02
const TUN_F_TSO6 = 0x04

/** `struct ifreq`: the name, then the flags. */
const IFREQ_BYTES = 40
const NAME_BYTES = 16

/** A segment of 64 KiB with its Ethernet header and the header that says how it is to be cut (`struct virtio_net_hdr`). */
const MAX_FRAME_BYTES = 65_536 + 64

/** A network device whose other end is this process. It is gone with the process. */
export interface TapDevice {
  readonly name: string
  /** Resolves with the next frame that the device is to send; the buffer is the caller's. Occupies a thread of libuv's pool. */
  receive(): Promise<Buffer>
  /** Makes the device receive a frame that another one of this kind was to send. */
  send(frame: Uint8Array): void
}

/**
 * Creates a device in the network namespace of this process. Frames have the header of virtio-net in front, so that large segments
 * pass whole, with their checksums not computed yet, as between the two ends of a veth. Needs root and /dev/net/tun.
 */
export function openTap(name: string): TapDevice {
  const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)')
  const toggle = koffi.load(null).func('int ioctl(int fd, unsigned long request, unsigned long argument)')
  const fd = openSync('/dev/net/tun', constants.O_RDWR)
  const request = Buffer.alloc(IFREQ_BYTES)
  request.write(name, 0, NAME_BYTES - 1, 'latin1')
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
  new DataView(request.buffer, request.byteOffset).setInt16(NAME_BYTES, flags, IS_LITTLE_ENDIAN)
  check(ioctl(fd, TUNSETIFF, request), `${name} could not be created`)
  check(
    toggle(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6),
    `${name} can not take large segments`,
  )
  const frame = Buffer.alloc(MAX_FRAME_BYTES)
  return {
    name,
    async receive() {
      const { bytesRead } = await readAsync(fd, frame, 0, frame.length, null)
      return Buffer.from(frame.subarray(0, bytesRead))
    },
    send: (bytes) => void writeSync(fd, bytes),
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

function check(result: unknown, what: string): void {
  if (result !== 0) throw new Error(`${what}: error ${koffi.errno()}`)
}
