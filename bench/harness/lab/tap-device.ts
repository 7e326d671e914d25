import { constants, openSync, writeSync } from 'node:fs'

import koffi from 'koffi'

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

/** `struct pollfd`: the descriptor, what to wait for, what has happened. */
const POLLFD_BYTES = 8
const POLLIN = 1

/** A segment of 64 KiB with its Ethernet header and the header that says how it is to be cut (`struct virtio_net_hdr`). */
const MAX_FRAME_BYTES = 65_536 + 64

/** Node's code for a write to a device that is not up yet. */
const DEVICE_IS_DOWN = 'EIO'

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

const libc = koffi.load(null)
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)')
const ioctlWithFlags = libc.func('int ioctl(int fd, unsigned long request, unsigned long argument)')
const read = libc.func('long read(int fd, void *buffer, unsigned long size)')
const poll = libc.func('int poll(_Inout_ void *descriptors, unsigned long count, int timeout)')

/** A network device whose other end is this process. It is gone with the process. */
export interface TapDevice {
  readonly fd: number
  /** The next frame that the device is to send; the caller's to keep. Undefined when there is none now. */
  receive(): Uint8Array | undefined
  /** Makes the device receive a frame that another one of this kind was to send. While the device is down, it is lost. */
  send(frame: Uint8Array): void
}

/**
 * Creates a device in the network namespace of this process. Frames have the header of virtio-net in front, so that large segments
 * pass whole, with their checksums not computed yet, as between the two ends of a veth. Needs root and /dev/net/tun.
 */
export function openTap(name: string): TapDevice {
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK)
  const request = Buffer.alloc(IFREQ_BYTES)
  request.write(name, 0, NAME_BYTES - 1, 'latin1')
  viewOf(request).setInt16(NAME_BYTES, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, IS_LITTLE_ENDIAN)
  check(ioctl(fd, TUNSETIFF, request), `${name} could not be created`)
  const offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
  check(ioctlWithFlags(fd, TUNSETOFFLOAD, offload), `${name} can not take large segments`)
  const frame = Buffer.alloc(MAX_FRAME_BYTES)
  return {
    fd,
    receive() {
      const size = Number(read(fd, frame, frame.length))
      return size > 0 ? Uint8Array.prototype.slice.call(frame, 0, size) : undefined
    },
    send(bytes) {
      try {
        writeSync(fd, bytes)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== DEVICE_IS_DOWN) throw error
      }
    },
  }
}

/** Resolves as soon as one of the devices has a frame to send. Takes up a thread of koffi's until then, and no processor. */
export function whenAnySends(devices: readonly TapDevice[]): Promise<void> {
  const descriptors = Buffer.alloc(devices.length * POLLFD_BYTES)
  const view = viewOf(descriptors)
  for (const [index, { fd }] of devices.entries()) {
    view.setInt32(index * POLLFD_BYTES, fd, IS_LITTLE_ENDIAN)
    view.setInt16(index * POLLFD_BYTES + 4, POLLIN, IS_LITTLE_ENDIAN)
  }
  return new Promise((resolve, reject) => {
    poll.async(descriptors, devices.length, -1, (error: Error | null) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}

function check(result: unknown, what: string): void {
  if (result !== 0) throw new Error(`${what}: error ${koffi.errno()}`)
}
