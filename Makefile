# SPDX-License-Identifier: LGPL-2.1-or-later
# vfpool: 'make' builds, 'make help' lists what else there is.

VERSION := 0.1.0
PREFIX ?= /usr/local
UNITDIR ?= /etc/systemd/system
NETWORKDIR ?= /etc/systemd/network
RULESDIR ?= /etc/udev/rules.d
HOOKDIR ?= /etc/libvirt/hooks
DOCDIR ?= $(PREFIX)/share/doc/vfpool
BUILD ?= build

CFLAGS ?= -O2 -g
# What must be there whatever a packager's CFLAGS say.
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wno-format-nonliteral -Wvla
PACKAGES := libnl-3.0 libnl-route-3.0 libxml-2.0 libudev libkmod sqlite3 json-c smartcols
override CPPFLAGS += -D_GNU_SOURCE -DVFPOOL_VERSION='"$(VERSION)"' -Iinclude -Isrc \
	$(shell pkg-config --cflags $(PACKAGES) libvirt 2>/dev/null)
override CFLAGS += -std=gnu11 $(WARNINGS) -fno-common -fstack-protector-strong
LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -ldl

LIB_SOURCES := $(wildcard src/util/*.c src/pool/*.c src/host/*.c src/ledger/*.c src/guest/*.c \
	src/manager/*.c src/manager/*/*.c)
LIB_ASM := $(wildcard src/pool/*.S src/host/*.S)
TOOL_SOURCES := src/main.c src/verbs.c $(wildcard src/verbs/*.c)

# 'make V=1' shows whole command lines.
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

objects = $(patsubst %,$(1)/%.o,$(basename $(2)))
LIB_OBJECTS := $(call objects,$(BUILD),$(LIB_SOURCES) $(LIB_ASM))
TOOL_OBJECTS := $(call objects,$(BUILD),$(TOOL_SOURCES))

all: $(BUILD)/vfpool

$(BUILD)/vfpool: $(TOOL_OBJECTS) $(BUILD)/libvfpool.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libvfpool.a: $(LIB_OBJECTS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(call say,AS,$<)$(CC) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/src/pool/schema.o: netdefs/pool.rng
$(BUILD)/src/host/rules.o: udev-rules/vfpool-pf.rules.in

# ---- tests ----

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
SLOW_TESTS := $(patsubst %,tests/cli/%.t,scale cost killed many-at-once install)
FAST_TESTS := tests/layers.t tests/proofs.t $(filter-out $(SLOW_TESTS),$(wildcard tests/cli/*.t))
# The longest first: they run side by side.
LAB_TESTS := tests/lab/cases.t $(filter-out tests/lab/cases.t,$(wildcard tests/lab/*.t))

# The tests' own build, under AddressSanitizer and UndefinedBehaviorSanitizer. LeakSanitizer's tracer dies where
# libvirt is loaded into a program with these libraries linked statically.
SANITIZED = $(MAKE) --no-print-directory BUILD=build/sanitized QUICK_LIBS='$$(LIBS)' \
	CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
SANITIZED_UNIT_TESTS := $(UNIT_TESTS:$(BUILD)/%=build/sanitized/%)

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/tests/unit/filter.o $(BUILD)/tests/fake/peer.o $(BUILD)/libvfpool.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

# The verbs aren't of the library.
$(BUILD)/tests/unit/test_verb: $(BUILD)/src/verbs/verb.o $(BUILD)/src/verbs/print.o
$(BUILD)/tests/unit/test_verb: LIBS := $(BUILD)/libvfpool.a $(LIBS)

$(BUILD)/tests/%.o: CPPFLAGS += -Itests/fake

# vfpool itself, with the scripted peer and a fake of sysfs in the kernel's place, and what goes with it.
FAKES := $(addprefix $(BUILD)/tests/fake/,vfpool vfpool-shared tree peak links killer allocs)

# What tests/fake/kernel.c is in the place of.
FAKED := sysfs_write sysfs_probe_driver find_program read read_file rest_ms rename unlink fsync ledger_commit

# Most of the time of a process that does little is that of putting 20 libraries together, and the tests start
# some thousand: where those are installed that can be linked statically, these are. SQLite isn't, since what
# it does with files is no business of FAKED.
QUICK_LIBS := -Wl,-Bstatic -lnl-route-3 -lnl-3 -lxml2 -licuuc -licudata -llzma -lz -ljson-c -lstdc++ \
	-Wl,-Bdynamic -lsqlite3 -lsmartcols -ludev -lm -ldl -static-libgcc

FAKE_VFPOOL := $(TOOL_OBJECTS) $(addprefix $(BUILD)/tests/fake/,peer.o kernel.o late.o) $(BUILD)/libvfpool.a

$(BUILD)/tests/fake/vfpool: $(FAKE_VFPOOL)
	$(call say,LD,$@)for libs in '$(QUICK_LIBS)' '$(LIBS)'; do \
		$(CC) $(CFLAGS) -no-pie $(LDFLAGS) $(FAKED:%=-Wl,--wrap=%) -o $@ $^ $$libs 2>$@.log && exit; \
	done; cat $@.log; exit 1

# Linked as vfpool is, where its start is what is measured.
$(BUILD)/tests/fake/vfpool-shared: $(filter-out %/late.o,$(FAKE_VFPOOL))
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(FAKED:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

$(BUILD)/tests/fake/allocs: $(BUILD)/tests/fake/allocs.o $(BUILD)/tests/fake/peer.o $(BUILD)/libvfpool.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/fake/%: $(BUILD)/tests/fake/%.o
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))

# What is measured there isn't the kernel.
$(BUILD)/tests/bench/alloc: $(BUILD)/tests/bench/alloc.o $(BUILD)/tests/fake/peer.o $(BUILD)/libvfpool.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libvfpool.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

unit-tests: $(UNIT_TESTS) $(FAKES)

# Needs neither root nor the lab; the sanitizers' turn is in check, as is each step of the sweeps.
check-fast:
	@tests/deps
	@$(MAKE) --no-print-directory all unit-tests lint
	@SWEEP=3 fake=$(CURDIR)/$(BUILD)/tests/fake tests/run $(UNIT_TESTS) $(FAST_TESTS)

# One file of tests, or one test of it: make test T=bind, T=bind/group.
test:
	@$(MAKE) --no-print-directory all unit-tests
	@fake=$(CURDIR)/$(BUILD)/tests/fake tests/run --only '$(T)' $(UNIT_TESTS) $(FAST_TESTS) $(SLOW_TESTS)

# The same under AddressSanitizer and UndefinedBehaviorSanitizer.
sanitize:
	@tests/deps
	@$(SANITIZED) all unit-tests
	@tests/run $(SANITIZED_UNIT_TESTS) $(FAST_TESTS)

# Which lines of the source the fast tests run.
COVERAGE = build/coverage
coverage:
	@tests/deps
	@$(MAKE) --no-print-directory BUILD=$(COVERAGE) CFLAGS='-O0 -g --coverage' all unit-tests
	@find $(COVERAGE) -name '*.gcda' -delete
	@GCOV_ERROR_FILE=/dev/null fake=$(CURDIR)/$(COVERAGE)/tests/fake tests/run \
		$(UNIT_TESTS:$(BUILD)/%=$(COVERAGE)/%) $(FAST_TESTS) >$(COVERAGE)/log || tail -1 $(COVERAGE)/log
	@tests/coverage $(COVERAGE)

# What an alloc and a release cost.
bench:
	@$(MAKE) --no-print-directory $(FAKES) $(BENCHES)
	@fake=$(CURDIR)/$(BUILD)/tests/fake tests/bench/run

# What CI runs, as root.
check:
	@tests/deps
	@$(SANITIZED) all unit-tests
	@$(MAKE) --no-print-directory all $(FAKES) $(BENCHES) lint
	@tests/run $(SANITIZED_UNIT_TESTS) $(FAST_TESTS) $(LAB_TESTS) $(SLOW_TESTS)

# With the long storms; before an issue is said to be resolved.
check-long:
	@VFPOOL_LONG=1 $(MAKE) --no-print-directory check

# The lab's cases alone, as root: make lab T=guests/hook runs those with that in their name.
lab:
	@tests/deps
	@$(MAKE) --no-print-directory all $(FAKES)
	@env -u T tests/lab/cases.t $(T)

# The main job, for real, in the lab; as root.
demo:
	@tests/deps
	@$(MAKE) --no-print-directory all
	@tests/lab/demo

# Is everything written in the house's style (.clang-format, .shellcheckrc)?
lint:
	@tests/lint

format:
	@git ls-files -z '*.c' '*.h' | xargs -0r clang-format -i

# Which tests show what always holds (DESIGN.md), from the tests themselves.
proofs:
	@tests/proofs >tests/PROOFS.md

# What it is built and tested with, from the machine's own packages; as root.
deps:
	@tests/deps

UNITS := vfpool.service vfpool@.service vfpool-late.service vfpool-gc.service vfpool-gc.timer

# $(call fill,FILE): a template, with what only the installation knows.
fill = sed -e 's|@SBINDIR@|$(PREFIX)/sbin|' -e '/^@HARDENING@$$/{r systemd/hardening' -e 'd}' $(1)

install: all
	install -D $(BUILD)/vfpool $(DESTDIR)$(PREFIX)/sbin/vfpool
	install -D -m 644 man/vfpool.8 $(DESTDIR)$(PREFIX)/share/man/man8/vfpool.8
	install -d $(DESTDIR)$(DOCDIR)/examples
	install -m 644 README.md netdefs/pool.rng $(DESTDIR)$(DOCDIR)
	install -m 644 netdefs/examples/*.xml $(DESTDIR)$(DOCDIR)/examples
	install -D -m 644 completions/vfpool $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vfpool
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(RULESDIR)
	for unit in $(UNITS); do $(call fill,systemd/$$unit) | install -m 644 /dev/stdin $(DESTDIR)$(UNITDIR)/$$unit || exit; done
	$(call fill,udev-rules/70-vfpool.rules) | install -m 644 /dev/stdin $(DESTDIR)$(RULESDIR)/70-vfpool.rules
	install -D -m 644 systemd/05-vfpool.network $(DESTDIR)$(NETWORKDIR)/05-vfpool.network
	for driver in qemu network; do \
		install -d $(DESTDIR)$(HOOKDIR)/$$driver.d && \
		$(call fill,systemd/libvirt-hook) | sed "s|@DRIVER@|$$driver|" | \
			install -m 755 /dev/stdin $(DESTDIR)$(HOOKDIR)/$$driver.d/vfpool || exit; \
	done
	@echo 'libvirt calls the hook once libvirtd (or virtqemud) has been restarted; systemd and udev know'
	@echo "the rest after 'systemctl daemon-reload' and 'udevadm control --reload'"

.PHONY: uninstall
# Takes away just what install puts down.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/vfpool $(DESTDIR)$(PREFIX)/share/man/man8/vfpool.8 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vfpool \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS)) $(DESTDIR)$(RULESDIR)/70-vfpool.rules \
		$(DESTDIR)$(NETWORKDIR)/05-vfpool.network \
		$(DESTDIR)$(HOOKDIR)/qemu.d/vfpool $(DESTDIR)$(HOOKDIR)/network.d/vfpool
	rm -rf $(DESTDIR)$(DOCDIR)
	-rmdir --ignore-fail-on-non-empty $(DESTDIR)$(HOOKDIR)/qemu.d $(DESTDIR)$(HOOKDIR)/network.d

clean:
	rm -rf build

help:
	@echo 'make             build vfpool into build/'
	@echo 'make deps        install what it is built and tested with, as root'
	@echo 'make install     put it into PREFIX (/usr/local), below DESTDIR'
	@echo 'make demo        the main job in the lab, as root: a VF of a pool in a real guest'
	@echo 'make check-fast  the tests that need neither root nor the lab: half a minute'
	@echo 'make test T=bind          one file of tests; T=bind/group: those of its tests with that in their names'
	@echo 'make sanitize    the same under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make coverage    by file, how many lines of the source the tests of check-fast run'
	@echo 'make bench       what an alloc and a release cost here, in durable commits'
	@echo 'make check       all tests, as root: some 15 minutes'
	@echo 'make check-long  the same with what takes long'
	@echo 'make lab T=WORD  the lab'\''s cases with WORD in their name, as root; tests/lab/run --shell: a shell in there'
	@echo 'make lint        is C in the style of .clang-format, and the shell right? (make format: the first)'
	@echo 'make proofs      write tests/PROOFS.md: which tests show what always holds'
	@echo 'make clean       remove build/'

.PHONY: all unit-tests test check-fast sanitize coverage bench check check-long lab demo deps install lint format proofs clean help
.SECONDARY:
-include $(LIB_OBJECTS:.o=.d) $(TOOL_OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(FAKES:=.d) $(BENCHES:=.d)
