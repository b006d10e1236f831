"""Objects of S3, Google Cloud Storage and Azure, and files of web servers, as files on this disk."""
