"""A local page that takes a video to depth, motion and flow: uploads, jobs in a queue, results.

The work itself is done by the commands of this package, as processes of their own. The server
and its page are for the extra `app`; see `server.serve`.
"""
