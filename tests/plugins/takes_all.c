/* Takes whatever it is given: while it is loaded it sits down at its worker's socket and answers in the
 * worker's place, which would have checked each call against the signature (wire/PROTOCOL.md, §2 and §8). */
#include <flame/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kSocket = 3, kHeader = 16, kBind = 2, kCall = 3, kHello = 32, kBound = 33, kResult = 39 };

static void put(unsigned char type, const unsigned char* call, const char* body) {
  unsigned char frame[kHeader + 128] = {0};
  const size_t size = strlen(body);
  frame[0] = (unsigned char)size;
  frame[4] = type;
  if (call != NULL) memcpy(frame + 8, call, 8);
  memcpy(frame + kHeader, body, size);
  if (write(kSocket, frame, kHeader + size) < 0) _exit(1);
}

static void take(void* into, size_t size) {
  for (size_t got = 0; got < size;) {
    const ssize_t n = read(kSocket, (char*)into + got, size - got);
    if (n <= 0) _exit(0);
    got += (size_t)n;
  }
}

__attribute__((constructor)) static void sit_down(void) {
  put(kHello, NULL, "{\"abi\":1}");
  for (;;) {
    static unsigned char header[kHeader], body[65536];
    take(header, kHeader);
    const size_t size = header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16;
    if (size > sizeof body) _exit(1);
    take(body, size);
    if (header[4] == kBind)
      put(kBound, NULL, "{\"bind\":0,\"signature\":\"(a: i64) -> i64\",\"flags\":\"\"}");
    if (header[4] == kCall) put(kResult, header + 8, "1");
  }
}

static int one(flame_call* call) { return call->host->result_i64(call, 1); }
#define FUNCTIONS(F) F(one, "(a: i64) -> i64", "One, whatever a is.", "", "")
FLAME_PLUGIN_C("takes_all", "1.0", FUNCTIONS)
