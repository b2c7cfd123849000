#include "certificate.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/error.hpp"

namespace flame::fly {
namespace {

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* value) const { release(value); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Release<X509, X509_free>>;

constexpr long kLifeSeconds = 30L * 24 * 3600;

void require(bool good) {
  if (!good) throw Error(ErrorKind::internal, "cannot make a certificate");
}

Key new_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr);
  return key;
}

void extend(X509* cert, X509* issuer, int kind, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  require(extension != nullptr);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

Cert new_certificate(const char* name, long serial, EVP_PKEY* key) {
  Cert cert(X509_new());
  require(cert != nullptr);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), kLifeSeconds);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return cert;
}

void sign(X509* cert, X509* issuer, EVP_PKEY* issuer_key) {
  X509_set_issuer_name(cert, X509_get_subject_name(issuer));
  require(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return out;
}

std::string pem(X509* cert) {
  BIO* memory = BIO_new(BIO_s_mem());
  require(PEM_write_bio_X509(memory, cert) == 1);
  return text_of(memory);
}

std::string pem(EVP_PKEY* key) {
  BIO* memory = BIO_new(BIO_s_mem());
  require(PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(memory);
}

}  // namespace

Certificate make_certificate() {
  const Key root_key = new_key(), key = new_key();
  const Cert root = new_certificate("flame-fly-emulator throw-away CA", 1, root_key.get());
  extend(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  sign(root.get(), root.get(), root_key.get());
  const Cert leaf = new_certificate("fly.dev", 2, key.get());
  extend(leaf.get(), root.get(), NID_subject_alt_name,
         "DNS:*.fly.dev,DNS:*.flycast,DNS:localhost,IP:127.0.0.1");
  extend(leaf.get(), root.get(), NID_ext_key_usage, "serverAuth");
  sign(leaf.get(), root.get(), root_key.get());
  return {pem(root.get()), pem(leaf.get()), pem(key.get())};
}

}  // namespace flame::fly
