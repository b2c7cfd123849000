// The part of Asio that needs OpenSSL, compiled once (see base/asio.cpp).
#include <boost/asio/ssl/impl/src.hpp>
