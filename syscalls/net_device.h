/*
 * OP_MOVE_NET_DEVICE: a network device of this network namespace goes into another one, with its addresses.
 * In: a process there, names. Kernel: rtnetlink(7), netlink(7); IFLA_NEW_IFINDEX since Linux 5.13.
 */

#ifdef RUNTIME_OPS

#define NET_STACK_BYTES 4096
#define NET_BUFFER_BYTES 16384
#define NET_NAME_BYTES 16

/* What the runtime was at when it failed: `result` of the report, for the error's text (src/lifecycle). */
enum {
	NET_FIND = 1,
	NET_ENTER,
	NET_NAME,
	NET_ADDRESSES,
	NET_MOVE,
	NET_DRESS,
};

/* linux/netlink.h nlmsghdr, linux/rtnetlink.h ifinfomsg and rtattr, linux/if_addr.h ifaddrmsg */
struct net_message {
	u32 length;
	u16 type, flags;
	u32 sequence, port;
};
struct net_link {
	u8 family, pad;
	u16 type;
	i32 index;
	u32 flags, change;
};
struct net_address {
	u8 family, prefix, flags, scope;
	i32 index;
};
struct net_attribute {
	u16 length, type;
};

/* linux/if.h, struct ifreq as far as it is used */
struct net_request {
	char name[NET_NAME_BYTES];
	i32 value, rest[5];
};

struct net_link_request {
	struct net_message head;
	struct net_link link;
	u8 attributes[64];
};

static void add_attribute(struct net_message *to, u16 type, const void *data, u64 size)
{
	struct net_attribute *attribute = (struct net_attribute *)((u8 *)to + to->length);

	attribute->length = (u16)(sizeof *attribute + size);
	attribute->type = type;
	memcpy(attribute + 1, data, size);
	to->length += (u32)((sizeof *attribute + size + 3) & ~3ul);
}

static i64 net_receive(i64 fd, void *buffer, u64 size)
{
	i64 n;

	do
		n = SYS(NR_recvfrom, fd, buffer, size, 0, 0, 0);
	while (n == -EINTR);
	return n;
}

/* Sends a request and waits for the kernel's answer: 0 or -errno. */
static i64 net_ask(i64 fd, struct net_message *request)
{
	struct {
		struct net_message head;
		i32 error;
		u8 rest[512];
	} answer;
	i64 n = SYS(NR_sendto, fd, request, request->length, 0, 0, 0);

	if (n < 0)
		return n;
	n = net_receive(fd, &answer, sizeof answer);
	if (n < 0)
		return n;
	return answer.head.type == NLMSG_ERROR ? answer.error : -EPROTO;
}

static i64 net_socket(void)
{
	return SYS(NR_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

struct net_opener {
	i64 pidfd, fd;
};

/* In a process of its own, whose network namespace may change; it shares our table of descriptors. */
static void net_open_there(void *argument)
{
	struct net_opener *opener = argument;
	i64 r = SYS(NR_setns, opener->pidfd, CLONE_NEWNET);

	opener->fd = r < 0 ? r : net_socket();
	SYS(NR_exit_group, 0);
}

/* A socket of the network namespace of another process. */
static i64 net_socket_of(i64 pid)
{
	u8 stack[NET_STACK_BYTES] __attribute__((aligned(16)));
	struct net_opener opener = { SYS(NR_pidfd_open, pid, 0), -ECHILD };
	struct siginfo info;
	struct clone_args args;
	u64 all = ~0ul, before = 0;
	i64 child;

	if (opener.pidfd < 0)
		return opener.pidfd;
	memset(&args, 0, sizeof args);
	args.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES;
	args.exit_signal = SIGCHLD;
	args.stack = (u64)stack;
	args.stack_size = sizeof stack;
	/* The handlers that the child inherits are the engine's. */
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &all, &before, 8); /* ignored: it fails for wrong arguments only */
	child = clone_call(&args, sizeof args, net_open_there, &opener);
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &before, 0, 8); /* ignored: as above */
	if (child > 0)
		while (SYS(NR_waitid, P_PID, child, &info, WEXITED, 0) == -EINTR)
			;
	close_fd(opener.pidfd);
	return child < 0 ? child : opener.fd;
}

static void net_name(char *to, const char *name)
{
	u64 length = text_length(name);

	memset(to, 0, NET_NAME_BYTES);
	memcpy(to, name, length < NET_NAME_BYTES ? length : NET_NAME_BYTES - 1);
}

/* Index of a device, or -ENODEV. */
static i64 net_index(i64 fd, const char *name)
{
	struct net_request request = { .value = 0 };
	i64 r;

	net_name(request.name, name);
	r = SYS(NR_ioctl, fd, SIOCGIFINDEX, &request);
	return r < 0 ? r : request.value;
}

/* The first index from `index` on that no device has, or -errno. */
static i64 net_free_index(i64 fd, i32 index)
{
	for (;; index++) {
		struct net_request request = { .value = index };
		i64 r = SYS(NR_ioctl, fd, SIOCGIFNAME, &request);
		if (r < 0)
			return r == -ENODEV ? index : r;
	}
}

static i64 net_is_up(i64 fd, const char *name)
{
	struct net_request request = { .value = 0 };
	i64 r;

	net_name(request.name, name);
	r = SYS(NR_ioctl, fd, SIOCGIFFLAGS, &request);
	return r < 0 ? r : (request.value & IFF_UP) != 0;
}

/* Appends the request that adds an address again, where it is one to keep: global, and not an expiring one. */
static i64 keep_address(struct net_message *found, i32 index, u8 *kept, u64 *length)
{
	struct net_address *address = (struct net_address *)(found + 1);
	struct net_message *request = (struct net_message *)(kept + *length);
	u32 flags = address->flags;
	u8 *end = (u8 *)found + found->length, *at;

	if (found->type != RTM_NEWADDR || address->index != index || address->scope != RT_SCOPE_UNIVERSE)
		return 0;
	if (*length + found->length > NET_BUFFER_BYTES)
		return -ENOBUFS;
	memset(request, 0, found->length);
	request->length = sizeof *request + sizeof *address;
	request->type = RTM_NEWADDR;
	request->flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	memcpy(request + 1, address, sizeof *address);
	for (at = (u8 *)(address + 1); at + sizeof(struct net_attribute) <= end;) {
		struct net_attribute *attribute = (struct net_attribute *)at;
		u64 size = attribute->length - sizeof *attribute;
		if (attribute->length < sizeof *attribute || at + attribute->length > end)
			break;
		if (attribute->type == IFA_FLAGS)
			flags = *(u32 *)(attribute + 1);
		/* The label holds the device's old name. */
		if (attribute->type == IFA_ADDRESS || attribute->type == IFA_LOCAL ||
		    attribute->type == IFA_BROADCAST || attribute->type == IFA_RT_PRIORITY)
			add_attribute(request, attribute->type, attribute + 1, size);
		at += (attribute->length + 3u) & ~3u;
	}
	if (!(flags & IFA_F_PERMANENT))
		return 0;
	flags &= IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
	((struct net_address *)(request + 1))->flags = (u8)flags;
	add_attribute(request, IFA_FLAGS, &flags, sizeof flags);
	*length += request->length;
	return 0;
}

/* The addresses of a device, as requests that add them. */
static i64 keep_addresses(i64 fd, i32 index, u8 *kept, u64 *length)
{
	u8 buffer[NET_BUFFER_BYTES] __attribute__((aligned(8)));
	struct {
		struct net_message head;
		struct net_address address;
	} dump;
	i64 r;

	memset(&dump, 0, sizeof dump);
	dump.head.length = sizeof dump;
	dump.head.type = RTM_GETADDR;
	dump.head.flags = NLM_F_REQUEST | NLM_F_DUMP;
	r = SYS(NR_sendto, fd, &dump, sizeof dump, 0, 0, 0);
	if (r < 0)
		return r;
	for (;;) {
		i64 left = net_receive(fd, buffer, sizeof buffer);
		struct net_message *at = (struct net_message *)buffer;
		if (left <= 0)
			return left < 0 ? left : -EPROTO;
		while (left >= (i64)sizeof *at && at->length >= sizeof *at && at->length <= left) {
			u32 step = (at->length + 3u) & ~3u;
			if (at->type == NLMSG_DONE)
				return 0;
			if (at->type == NLMSG_ERROR)
				return *(i32 *)(at + 1);
			r = keep_address(at, index, kept, length);
			if (r < 0)
				return r;
			left -= step;
			at = (struct net_message *)((u8 *)at + step);
		}
	}
}

static void begin_link(struct net_link_request *request, i32 index)
{
	memset(request, 0, sizeof *request);
	request->head.length = sizeof request->head + sizeof request->link;
	request->head.type = RTM_SETLINK;
	request->head.flags = NLM_F_REQUEST | NLM_F_ACK;
	request->link.index = index;
}

/* Moves a device, down from then on, into the network namespace of a process, where its index will be `wanted`. */
static i64 move_link(i64 fd, i32 index, i64 pid, const char *name, i32 wanted)
{
	struct net_link_request request;
	u32 target = (u32)pid;

	begin_link(&request, index);
	add_attribute(&request.head, IFLA_NET_NS_PID, &target, sizeof target);
	add_attribute(&request.head, IFLA_IFNAME, name, text_length(name) + 1);
	if (wanted != index)
		add_attribute(&request.head, IFLA_NEW_IFINDEX, &wanted, sizeof wanted);
	return net_ask(fd, &request.head);
}

/* Gives a device its addresses, and sets it up. */
static i64 dress_link(i64 fd, i32 index, u8 *kept, u64 length, i64 is_up)
{
	struct net_link_request request;

	for (u64 at = 0; at < length;) {
		struct net_message *address = (struct net_message *)(kept + at);
		((struct net_address *)(address + 1))->index = index;
		i64 r = net_ask(fd, address);
		if (r < 0)
			return r;
		at += address->length;
	}
	if (!is_up)
		return 0;
	begin_link(&request, index);
	request.link.flags = IFF_UP;
	request.link.change = IFF_UP;
	return net_ask(fd, &request.head);
}

/* A name that the target's devices have not. "%d" in it stands for the first number that is free. */
static i64 check_name(i64 there, const char *name)
{
	for (u64 i = 0; name[i]; i++)
		if (name[i] == '%')
			return 0;
	i64 r = net_index(there, name);
	return r == -ENODEV ? 0 : r < 0 ? r : -EEXIST;
}

/* Moves a device back to where it was, as far as that can be done: what failed before is told. */
static void bring_back(i64 here, i64 there, i32 from, const char *name, i32 index, u8 *kept, u64 length, i64 was_up)
{
	i64 wanted = net_free_index(here, index);

	if (wanted >= 0 && move_link(there, from, SYS(NR_getpid), name, (i32)wanted) >= 0)
		dress_link(here, (i32)wanted, kept, length, was_up); /* ignored: see above */
}

static i64 move_between(i64 here, i64 there, i64 pid, const char *name, const char *new_name, i64 *step)
{
	u8 kept[NET_BUFFER_BYTES] __attribute__((aligned(8)));
	u64 length = 0;
	i64 index = net_index(here, name), was_up = net_is_up(here, name), wanted, r;

	*step = NET_FIND;
	if (index < 0 || was_up < 0)
		return index < 0 ? index : was_up;
	*step = NET_NAME;
	r = check_name(there, new_name);
	if (r < 0)
		return r;
	*step = NET_ADDRESSES;
	r = keep_addresses(here, (i32)index, kept, &length);
	if (r < 0)
		return r;
	*step = NET_MOVE;
	wanted = net_free_index(there, (i32)index);
	if (wanted < 0)
		return wanted;
	r = move_link(here, (i32)index, pid, new_name, (i32)wanted);
	if (r >= 0) {
		*step = NET_DRESS;
		r = dress_link(there, (i32)wanted, kept, length, 1);
	}
	/* The kernel renames after the move: whatever failed, what has gone comes back. */
	if (r < 0 && net_index(here, name) == -ENODEV)
		bring_back(here, there, (i32)wanted, name, (i32)index, kept, length, was_up);
	if (r >= 0)
		*step = 0;
	return r;
}

/* OP_MOVE_NET_DEVICE pid name new_name : 0; -errno with *step what failed, and the device is where it was */
static i64 op_move_net_device(i64 pid, const char *name, const char *new_name, i64 *step)
{
	i64 here = net_socket(), there, r;

	*step = NET_ENTER;
	if (here < 0)
		return here;
	there = net_socket_of(pid);
	r = there < 0 ? there : move_between(here, there, pid, name, new_name, step);
	close_fd(there);
	close_fd(here);
	return r;
}

#endif
