#pragma once
#include <curl/curl.h>

/* Swift cannot call variadic functions: each option that the client sets is here with its types. */

static inline CURLcode fedgate_curl_long (CURL *handle, CURLoption option, long value)
{ return curl_easy_setopt (handle, option, value); }

static inline CURLcode fedgate_curl_offset (CURL *handle, CURLoption option, curl_off_t value)
{ return curl_easy_setopt (handle, option, value); }

static inline CURLcode fedgate_curl_text (CURL *handle, CURLoption option, const char *value)
{ return curl_easy_setopt (handle, option, value); }

static inline CURLcode fedgate_curl_headers (CURL *handle, struct curl_slist *value)
{ return curl_easy_setopt (handle, CURLOPT_HTTPHEADER, value); }

typedef size_t (*fedgate_curl_transfer) (char *bytes, size_t size, size_t count, void *context);

static inline void
fedgate_curl_callbacks (CURL *handle, fedgate_curl_transfer read, fedgate_curl_transfer write, fedgate_curl_transfer header,
                        curl_xferinfo_callback progress, void *context)
{
  curl_easy_setopt (handle, CURLOPT_READFUNCTION, read);
  curl_easy_setopt (handle, CURLOPT_READDATA, context);
  curl_easy_setopt (handle, CURLOPT_WRITEFUNCTION, write);
  curl_easy_setopt (handle, CURLOPT_WRITEDATA, context);
  curl_easy_setopt (handle, CURLOPT_HEADERFUNCTION, header);
  curl_easy_setopt (handle, CURLOPT_HEADERDATA, context);
  curl_easy_setopt (handle, CURLOPT_XFERINFOFUNCTION, progress);
  curl_easy_setopt (handle, CURLOPT_XFERINFODATA, context);
  curl_easy_setopt (handle, CURLOPT_NOPROGRESS, 0L);
}

static inline long fedgate_curl_status (CURL *handle)
{ long status = 0; curl_easy_getinfo (handle, CURLINFO_RESPONSE_CODE, &status); return status; }
