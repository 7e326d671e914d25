export { pieceBytesFor } from '@layermesh/interface'
