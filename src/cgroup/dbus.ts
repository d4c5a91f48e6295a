/**
 * A connection to a D-Bus bus, or to systemd's own socket: authentication, method calls, signals. Synchronous.
 * In: the path of a socket. Out: Bus.
 * Protocol: https://dbus.freedesktop.org/doc/dbus-specification.html, "Authentication Protocol"
 * @module
 */
import { HostError } from "../errors.ts";
import { connectStream, receiveBytes, sendBytes, waitForBytes } from "../stage/sockets.ts";
import { close, errnoName, errnoText, flags, sys, textOf } from "../stage/sys.ts";
import { type Message, messageLength, type MethodCall, messageTypes, parseMessage, printCall } from "./dbus_message.ts";

/** Longest wait for one answer: as long as runc waits. */
const patienceMs = 30_000;

const driver = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};

/** First of the descriptors that nobody counts on. */
const highFd = 512;

/** Low numbers may be among those that a caller says it hands over (--preserve-fds): this one must not pass for it. */
function outOfTheWay(fd: number): number {
  const high = sys("fcntl", fd, flags("F_DUPFD_CLOEXEC"), highFd);
  if (high < 0) return fd;
  close(fd);
  return high;
}

/** An answer that says no. */
export class BusError extends HostError {
  override name = "BusError";
  /** "org.freedesktop.systemd1.UnitExists" */
  readonly errorName: string;
  constructor(errorName: string, text: string) {
    super(text === "" ? errorName : text);
    this.errorName = errorName;
  }
}

export class Bus {
  readonly #fd: number;
  /** systemd's own socket: nobody else is there, so no names and no match rules. */
  readonly #isDirect: boolean;
  #serial = 0;
  #received: Uint8Array = new Uint8Array(0);
  /** Those that came while an answer was awaited. */
  readonly #signals: Message[] = [];

  /** Connects and says hello. Errors: HostError. */
  constructor(socket: string) {
    this.#isDirect = socket.endsWith("/systemd/private");
    const fd = connectStream(socket);
    if (fd < 0) throw new HostError(`Cannot connect to "${socket}": ${errnoName(-fd)} (${errnoText(-fd)})`);
    this.#fd = outOfTheWay(fd);
    try {
      this.#authenticate(socket);
      if (!this.#isDirect) this.call({ ...driver, member: "Hello" });
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  close(): void {
    close(this.#fd);
  }

  /** Calls a method and waits for its answer. Errors: BusError, HostError. */
  call(call: MethodCall): Message {
    const serial = ++this.#serial;
    this.#send(printCall(call, serial));
    for (;;) {
      const message = this.#next();
      if (message.type === messageTypes.SIGNAL) this.#signals.push(message);
      if (message.replySerial !== serial) continue;
      if (message.type !== messageTypes.ERROR) return message;
      throw new BusError(message.errorName, message.signature.startsWith("s") ? message.body.string() : "");
    }
  }

  /** Asks for signals. */
  subscribe(rule: string): void {
    if (this.#isDirect) return;
    this.call({ ...driver, member: "AddMatch", signature: "s", body: (writer) => writer.string(rule) });
  }

  /** The next signal, whichever. */
  signal(): Message {
    for (;;) {
      const message = this.#signals.shift() ?? this.#next();
      if (message.type === messageTypes.SIGNAL) return message;
    }
  }

  /**
   * EXTERNAL without an identity: the bus takes the one that the kernel knows. Ours would be wrong in a user namespace,
   * where it has another number than outside.
   */
  #authenticate(socket: string): void {
    this.#send(new TextEncoder().encode("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"));
    for (;;) {
      const end = this.#received.indexOf(10);
      if (end < 0) {
        this.#receive();
        continue;
      }
      const line = textOf(this.#received.subarray(0, end)).trim();
      this.#received = this.#received.slice(end + 1);
      if (line.startsWith("OK")) return;
      if (line.startsWith("DATA")) continue;
      throw new HostError(`Cannot authenticate at "${socket}": ${line}`);
    }
  }

  #send(bytes: Uint8Array): void {
    const result = sendBytes(this.#fd, bytes);
    if (result < 0) throw new HostError(`Cannot send a D-Bus message: ${errnoName(-result)} (${errnoText(-result)})`);
  }

  #next(): Message {
    for (;;) {
      const length = messageLength(this.#received);
      if (length > 0 && this.#received.length >= length) {
        const bytes = this.#received.slice(0, length);
        this.#received = this.#received.slice(length);
        return parseMessage(bytes);
      }
      this.#receive();
    }
  }

  #receive(): void {
    if (!waitForBytes(this.#fd, patienceMs)) {
      throw new HostError(`Cannot talk to systemd: no answer for ${patienceMs / 1000} s`);
    }
    const bytes = receiveBytes(this.#fd);
    if (bytes.length === 0) throw new HostError("Cannot talk to systemd: the connection was closed");
    const all = new Uint8Array(this.#received.length + bytes.length);
    all.set(this.#received);
    all.set(bytes, this.#received.length);
    this.#received = all;
  }
}
